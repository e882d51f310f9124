#!/usr/bin/perl
# Stands in for an Ethereum client: ethereum-client execution|consensus|validator|mevboost
# Prints the lines such a client prints, and answers its HTTP API on a loopback port (8545, 5052, 18550; none for
# validator). Needs perl-base only.
#
# Settings: /etc/pillard-target/<role>.conf, lines of KEY=VALUE, read again while it runs:
#   RATE=2         lines a second (fractions allowed, 0 = quiet)
#   FLAVOR=...     geth nethermind reth | lighthouse nimbus teku | mev-boost
#   ANSI=0|1       colour escapes in the lines
#   NUMBERED=0|1   lines are "numbered 1", "numbered 2", .. instead, for tests that count
#   PAD=bytes      so much more in each numbered line
#   RAW=hex        prints one line of exactly these bytes, once for each new value
#   LONG=bytes     prints one line of that length, once for each new value
#   SYNCING=0|1 BEHIND=slots PEERS=50   what the APIs report
#   HTTP_DELAY=s   before an answer        STOP_DELAY=s   from SIGINT or SIGTERM to the end
#   CRASH=0|1      ends with status 1 at once
use strict;
use warnings;
use Config;
use IO::Select;
use IO::Socket::INET;
$| = 1;

my $role = shift // 'execution';
my $settings_file = "/etc/pillard-target/$role.conf";
my %port = (execution => 8545, consensus => 5052, mevboost => 18550);
my %set = (RATE => 2, FLAVOR => '', ANSI => 0, NUMBERED => 0, PAD => 0, RAW => '', LONG => 0, SYNCING => 0, BEHIND => 0,
           PEERS => 50, HTTP_DELAY => 0, STOP_DELAY => 0, CRASH => 0);
my %version = (
    geth       => 'Geth/v1.15.11-stable/linux-amd64/go1.24.2',
    nethermind => 'Nethermind/v1.31.9+2b8b5d1a/linux-x64/dotnet9.0.4',
    reth       => 'reth/v1.4.1-8e0d0ad/x86_64-unknown-linux-gnu',
    lighthouse => 'Lighthouse/v7.0.1-fd643c3/x86_64-linux',
    nimbus     => 'Nimbus/v25.5.0-d4bc3f-stateofus',
    teku       => 'teku/v25.4.1/linux-x86_64/-eclipseadoptium-openjdk64bitservervm-java-21',
);

# --- time: perl-base has no Time::HiRes, so clock_gettime by number where that is known, whole seconds elsewhere --------
my $clock_gettime = $Config{archname} =~ /^x86_64/ ? 228 : $Config{archname} =~ /^aarch64/ ? 113 : 0;

sub clock_at {
    my ($clock) = @_;
    my $spec = pack 'qq', 0, 0;
    return time unless $clock_gettime && syscall($clock_gettime, $clock, $spec) == 0;
    my ($seconds, $nanoseconds) = unpack 'qq', $spec;
    return $seconds + $nanoseconds / 1e9;
}
sub now { clock_at(1) }

# --- settings -----------------------------------------------------------------------------------------------------------
my ($looked_at, $last_seen) = (0, '');

sub read_settings {
    return if now() - $looked_at < 0.2;
    $looked_at = now();
    open my $file, '<', $settings_file or return;
    my $text = join '', <$file>;
    return if $text eq $last_seen;
    $last_seen = $text;
    $set{$1} = $2 while $text =~ /^([A-Z_]+)=(\S*)/mg;
}
read_settings();
my $flavor = $set{FLAVOR} || { execution => 'geth', mevboost => 'mev-boost' }->{$role} || 'lighthouse';

# --- a chain that moves with the clock ----------------------------------------------------------------------------------
sub slot { int((time - 1606824023) / 12) - ($set{SYNCING} ? $set{BEHIND} : 0) }
sub block { slot() + 10_900_000 }
sub epoch { int(slot() / 32) }

sub digits {    # hexadecimal, the same for the same seed
    my ($seed, $length) = @_;
    my ($x, $text) = (($seed * 2654435761 + 40503) & 0xffffffff, '');
    while (length $text < $length) {
        $x = ($x * 1664525 + 1013904223) & 0xffffffff;
        $text .= sprintf '%08x', $x;
    }
    return substr $text, 0, $length;
}
sub root { '0x' . digits($_[0], 64) }
sub short { digits($_[0], 6) . '..' . digits($_[0] + 1, 6) }

sub commas {
    my $number = reverse $_[0];
    $number =~ s/(\d{3})(?=\d)/$1,/g;
    return scalar reverse $number;
}

# --- lines --------------------------------------------------------------------------------------------------------------
my %colour = (INFO => 32, WARN => 33, ERROR => 31);
sub paint { $set{ANSI} ? "\e[$colour{$_[0]}m$_[1]\e[0m" : $_[1] }

sub stamp {
    my ($style) = @_;
    my $now = clock_at(0);
    my ($second, $minute, $hour, $day, $month, $year) = gmtime int $now;
    my $ms   = sprintf '%03d', int(($now - int $now) * 1000);
    my $name = (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$month];
    my $time = sprintf '%02d:%02d:%02d', $hour, $minute, $second;
    return sprintf '%02d-%02d|%s.%s', $month + 1, $day, $time, $ms if $style eq 'geth';
    return sprintf '%02d %s %s', $day, $name, $time if $style eq 'nethermind';
    return sprintf '%s %02d %s.%s', $name, $day, $time, $ms if $style eq 'lighthouse';
    return "$time.$ms" if $style eq 'teku';
    return sprintf '%04d-%02d-%02dT%s.%s000Z', $year + 1900, $month + 1, $day, $time, $ms;
}

sub say_line {    # level, message, "key=value ..."
    my ($level, $message, $fields) = (@_, '');
    my $painted = paint($level, $level);
    if ($flavor eq 'geth') { printf "%s[%s] %-40s %s\n", paint($level, sprintf '%-5s', $level), stamp('geth'), $message, $fields }
    elsif ($flavor eq 'nethermind') { printf "%s | %s%s %s\n", stamp('nethermind'), $level eq 'INFO' ? '' : "$painted ", $message, $fields }
    elsif ($flavor eq 'reth') { printf "%s %s %s %s\n", stamp('iso'), paint($level, sprintf '%5s', $level), $message, $fields }
    elsif ($flavor eq 'nimbus') { printf "%s %s %-42s %s\n", paint($level, substr $level, 0, 3), stamp('iso'), $message, $fields }
    elsif ($flavor eq 'teku') { printf "%s %-5s - %s %s\n", stamp('teku'), $painted, $message, $fields }
    elsif ($flavor eq 'mev-boost') {
        printf "time=\"%s\" level=%s msg=\"%s\" %s version=1.9\n", stamp('iso'), $level eq 'WARN' ? 'warning' : lc $level, $message, $fields;
    }
    else {
        $fields =~ s/(\w+)=/$1: /g;
        $fields =~ s/ (?=\w+: )/, /g;
        printf "%s %s %-40s %s\n", stamp('lighthouse'), paint($level, sprintf '%-4s', $level), $message, $fields;
    }
}

sub execution_line {
    my ($n, $b) = (@_, block());
    return say_line('WARN', 'Snapshot extension registration failed', 'peer=' . digits($n, 8) . ' err="peer connected on snap without compatible eth support"') if $n % 64 == 3;
    return say_line('ERROR', 'Failed to retrieve block from peer', 'peer=' . digits($n, 8) . ' err="request timed out"') if $n % 512 == 7;
    return say_line('INFO', 'Looking for peers', "peercount=$set{PEERS} tried=" . (20 + $n % 60) . ' static=0') if $n % 8 == 2;
    return say_line('INFO', 'Chain head was updated', sprintf 'number=%s hash=%s root=%s elapsed=%d.%03dms', commas($b), short($b), short($b + 2), 1 + $n % 4, $n % 1000) if $n % 4 == 1;
    return say_line('INFO', 'Imported new potential chain segment', sprintf 'number=%s hash=%s blocks=1 txs=%d mgas=%.3f elapsed=%d.%03dms triedirty=%.2fMiB', commas($b), short($b), 80 + $n % 170, 8 + $n % 22, 60 + $n % 180, $n % 1000, 10 + $n % 40) if $n % 4 == 0;
    say_line('INFO', 'Forkchoice requested sync to new head', sprintf 'number=%s hash=%s finalized=%s', commas($b), short($b), commas($b - 64));
}

sub consensus_line {
    my ($n, $s) = (@_, slot());
    return say_line('WARN', 'Execution engine call failed', 'error="Request to execution engine timed out"') if $n % 128 == 9;
    return say_line('INFO', 'Synced', "slot=$s block=0x" . digits($s, 4) . "\xe2\x80\xa6" . digits($s + 1, 4) . ' epoch=' . epoch() . ' finalized_epoch=' . (epoch() - 2) . " peers=$set{PEERS} service=slot_notifier") if $n % 4 == 0;
    return say_line('INFO', 'New block received', 'root=' . root($s) . " slot=$s") if $n % 4 == 1;
    say_line('INFO', 'Attestation aggregate published', "slot=$s committee=" . ($n % 64) . " peers=$set{PEERS}");
}

sub validator_line {
    my ($n, $s) = (@_, slot());
    return say_line('INFO', 'Successfully published block', "slot=$s graffiti=EthPillar attestations=128 deposits=0 block_type=Blinded service=block") if $n % 200 == 2;
    return say_line('INFO', 'Connected to beacon node(s)', 'synced=1 available=1 total=1 service=notifier') if $n % 4 == 0;
    return say_line('INFO', 'Successfully published attestations', 'count=1 validator_indices=[' . (412_000 + $n % 3) . '] head_block=' . root($s) . " slot=$s type=unaggregated service=attestation") if $n % 4 == 1;
    say_line('INFO', 'All validators active', "slot=$s epoch=" . epoch() . ' total_validators=3 active_validators=3 service=notifier');
}

sub mevboost_line {
    my ($n, $s) = (@_, slot());
    return say_line('INFO', 'http: GET /eth/v1/builder/status 200', 'duration=0.00' . (1 + $n % 8) . ' method=GET path=/eth/v1/builder/status status=200') if $n % 3 == 0;
    return say_line('INFO', 'http: POST /eth/v1/builder/validators 200', 'duration=0.2' . $n % 90 . ' method=POST status=200') if $n % 3 == 1;
    say_line('INFO', 'best bid', 'blockHash=' . root($s) . ' blockNumber=' . block() . " slot=$s value=0.0" . (10 + $n % 89) . ' relays=relay-one.example');
}

my %line_of = (execution => \&execution_line, consensus => \&consensus_line, validator => \&validator_line, mevboost => \&mevboost_line);
my ($lines, $numbered) = (0, 0);

sub next_line {
    my $n = $lines++;
    if ($set{NUMBERED}) { print 'numbered ', ++$numbered, $set{PAD} ? ' ' . 'x' x $set{PAD} : '', "\n" }
    elsif ($set{SYNCING} && $n % 3 == 0) { say_line('INFO', 'Syncing', "distance=$set{BEHIND} slots peers=$set{PEERS} speed=12.4slots/s est_time=1h12m") }
    else { $line_of{$role}->($n) }
}

# --- HTTP ---------------------------------------------------------------------------------------------------------------
sub hex_number { sprintf '"0x%x"', $_[0] }

sub rpc_answer {
    my ($request) = @_;
    my ($id)      = $request =~ /"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+|null)/;
    my ($method)  = $request =~ /"method"\s*:\s*"([^"]*)"/;
    $id //= 'null';
    return qq({"jsonrpc":"2.0","id":$id,"error":{"code":-32600,"message":"invalid request"}}) unless defined $method;
    my $syncing = sprintf '{"startingBlock":"0x0","currentBlock":%s,"highestBlock":%s}', hex_number(block()), hex_number(block() + $set{BEHIND});
    my %result = (
        eth_syncing        => $set{SYNCING} ? $syncing : 'false',
        eth_blockNumber    => hex_number(block()),
        eth_chainId        => '"0x1"',
        eth_gasPrice       => hex_number(1_500_000_000 + block() % 997),
        net_peerCount      => hex_number($set{PEERS}),
        net_version        => '"1"',
        net_listening      => 'true',
        web3_clientVersion => '"' . ($version{$flavor} // $version{geth}) . '"',
    );
    return qq({"jsonrpc":"2.0","id":$id,"result":$result{$method}}) if exists $result{$method};
    return qq({"jsonrpc":"2.0","id":$id,"error":{"code":-32601,"message":"the method $method does not exist/is not available"}});
}

sub rpc {
    my ($body) = @_;
    return rpc_answer($body) unless $body =~ /^\s*\[/;
    return '[' . join(',', map { rpc_answer($_) } $body =~ /(\{(?:[^{}]|\{[^{}]*\})*\})/g) . ']';
}

sub beacon {
    my ($path) = @_;
    my ($s, $e, $behind) = (slot(), epoch(), $set{SYNCING} ? $set{BEHIND} : 0);
    return ($behind ? 206 : 200, '') if $path eq '/eth/v1/node/health';
    if ($path eq '/eth/v1/node/syncing') {
        my $execution = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port{execution}, Timeout => 0.3);
        return (200, sprintf '{"data":{"head_slot":"%d","sync_distance":"%d","is_syncing":%s,"is_optimistic":false,"el_offline":%s}}',
                $s, $behind, $behind ? 'true' : 'false', $execution ? 'false' : 'true');
    }
    my ($header, $checkpoints) = ('{"execution_optimistic":false,"finalized":false,"data":{"root":"%s","canonical":true,"header":{"message":{"slot":"%d","proposer_index":"%d","parent_root":"%s","state_root":"%s","body_root":"%s"},"signature":"0x%s"}}}',
        '{"execution_optimistic":false,"finalized":false,"data":{"previous_justified":{"epoch":"%d","root":"%s"},"current_justified":{"epoch":"%d","root":"%s"},"finalized":{"epoch":"%d","root":"%s"}}}');
    my %data = (
        '/eth/v1/node/peer_count' => qq({"data":{"disconnected":"12","connecting":"1","connected":"$set{PEERS}","disconnecting":"0"}}),
        '/eth/v1/node/version'    => '{"data":{"version":"' . ($version{$flavor} // $version{lighthouse}) . '"}}',
        '/eth/v1/beacon/genesis'  => '{"data":{"genesis_time":"1606824023","genesis_validators_root":"0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95","genesis_fork_version":"0x00000000"}}',
        '/eth/v1/beacon/headers/head' => sprintf($header, root($s), $s, 412000 + $s % 1000, root($s - 1), root($s + 7), root($s + 9), digits($s, 192)),
        '/eth/v1/beacon/states/head/finality_checkpoints' => sprintf($checkpoints, $e - 2, root($e - 2), $e - 1, root($e - 1), $e - 2, root($e - 2)),
    );
    return exists $data{$path} ? (200, $data{$path}) : (404, '{"code":404,"message":"NOT_FOUND"}');
}

sub answer {    # method, path, body -> status, body
    my ($method, $path, $body) = @_;
    $path =~ s/\?.*//;
    return $method eq 'POST' ? (200, rpc($body)) : (405, '') if $role eq 'execution';
    return beacon($path) if $role eq 'consensus';
    return $path eq '/eth/v1/builder/status' ? (200, '{}') : (404, '{}');
}

my ($listener, $sockets, %received) = (undef, IO::Select->new);

sub listen_on {
    my ($number) = @_;
    for (1 .. 20) {
        last if $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $number, Listen => 64, ReuseAddr => 1, Proto => 'tcp');
        select undef, undef, undef, 0.1;
    }
    return say_line('ERROR', 'HTTP server failed', "endpoint=127.0.0.1:$number err=\"$!\"") unless $listener;
    $sockets->add($listener);
    say_line('INFO', 'HTTP server started', "endpoint=127.0.0.1:$number");
}

sub hang_up {
    my ($socket) = @_;
    $sockets->remove($socket);
    delete $received{ fileno $socket };
    close $socket;
}

sub serve {
    my ($socket) = @_;
    my $buffer = \$received{ fileno $socket };
    my $got = sysread $socket, my $bytes, 65536;
    return hang_up($socket) unless $got && length($$buffer .= $bytes) <= 1_000_000;
    while ($$buffer =~ /^(\w+) (\S+) HTTP\/1\.(\d)\r\n(.*?)\r\n\r\n/s) {
        my ($method, $path, $minor, $head, $head_length) = ($1, $2, $3, $4, $+[0]);
        my $body_length = $head =~ /^content-length:\s*(\d+)/im ? $1 : 0;
        return if length $$buffer < $head_length + $body_length;
        my $body = substr $$buffer, $head_length, $body_length;
        substr($$buffer, 0, $head_length + $body_length) = '';
        select undef, undef, undef, $set{HTTP_DELAY} if $set{HTTP_DELAY};
        my ($status, $text) = answer($method, $path, $body);
        my $keep   = $minor && $head !~ /^connection:\s*close/im;
        my %reason = (200 => 'OK', 206 => 'Partial Content', 404 => 'Not Found', 405 => 'Method Not Allowed');
        syswrite $socket, "HTTP/1.1 $status $reason{$status}\r\nContent-Type: application/json\r\nContent-Length: "
            . length($text) . "\r\nConnection: " . ($keep ? 'keep-alive' : 'close') . "\r\n\r\n$text";
        return hang_up($socket) unless $keep;
    }
}

# --- run ----------------------------------------------------------------------------------------------------------------
my $asked_to_stop = 0;
$SIG{INT}  = $SIG{TERM} = sub { $asked_to_stop = 1 };
$SIG{PIPE} = 'IGNORE';
listen_on($port{$role}) if $port{$role};
say_line('INFO', 'Starting', "client=$flavor role=$role pid=$$ network=mainnet");

my ($rate, $since, $printed, $raw, $long) = ($set{RATE}, now(), 0, $set{RAW}, $set{LONG});
until ($asked_to_stop) {
    read_settings();
    if ($set{CRASH}) {
        say_line('ERROR', 'Fatal: unexpected state', 'err="panic: runtime error: invalid memory address"');
        exit 1;
    }
    print pack('H*', $raw = $set{RAW}), "\n" if $set{RAW} ne $raw;
    print 'LONG ', 'x' x ($set{LONG} - 5), "\n" if $set{LONG} ne $long && ($long = $set{LONG}) > 5;
    ($rate, $since, $printed) = ($set{RATE}, now(), 0) if $set{RATE} ne $rate;
    my $due = int((now() - $since) * $rate);
    $due = $printed + 5000 if $due > $printed + 5000;
    for (; $printed < $due; ++$printed) { next_line() }
    my $pause = $rate > 0 ? 1 / $rate : 0.2;
    $pause = $pause < 0.02 ? 0.02 : $pause > 0.2 ? 0.2 : $pause;
    select(undef, undef, undef, $pause) unless $sockets->count;
    for my $socket ($sockets->count ? $sockets->can_read($pause) : ()) {
        if ($socket != $listener) { serve($socket); next }
        my $client = $listener->accept or next;
        $sockets->add($client);
        $received{ fileno $client } = '';
    }
}
say_line('INFO', 'Got interrupt, shutting down...');
select undef, undef, undef, $set{STOP_DELAY} if $set{STOP_DELAY};
say_line('INFO', 'Shutdown complete');
