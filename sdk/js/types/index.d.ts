// Types of what goes between pillard and its clients.
// Written by `pillard describe --as typescript`: change the descriptions in the plugins instead.

/** Why something did not work: a closed list. */
export type Code =
  | "bad_request"
  | "unauthenticated"
  | "access_denied"
  | "not_found"
  | "conflict"
  | "timeout"
  | "disconnected"
  | "overloaded"
  | "unsupported"
  | "internal";

/** What a message or a call failed with. */
export interface Failure {
  /** For a person: what is wrong and what to do. */
  message: string;
  code: Code;
}

/** The event `error`. Without `ended` a stream goes on, perhaps after a pause. */
export interface StreamError extends Failure {
  /** The message that it is about; left out for errors of authentication. */
  type?: string;
  /** As they were sent. */
  params?: unknown;
  /** The stream is over; nothing more comes. */
  ended?: true;
}

/** The body of every refusal below `/api/call/` and `/api/stream/` (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** For a person. */
  detail: string;
  code: Code;
}

/** What `POST /api/ssh/connect` answers. */
export type ConnectAnswer =
  | {
      success: true;
      /** The token; left out for pages of pillard's own address, which have the cookie. */
      sessionId?: string;
    }
  | { success: false; error: string; message: string; code: Code };

/** How many events are missing in this place: the client read too slowly. */
export interface Dropped {
  dropped: number;
}

/** An acknowledgement. */
export type Answer<Data> = { data: Data; error?: undefined } | { error: Failure; data?: undefined };
export type Acknowledge<Data> = (answer: Answer<Data>) => void;

/** The body of `POST /api/ssh/connect`, which logs in to a node. */
export interface ConnectRequest {
  host: string;
  /** From 1 to 65535. 22 unless given. */
  port?: number;
  username: string;
  password?: string;
  /** At most 65536 bytes. */
  privateKey?: string;
  passphrase?: string;
}

/** What `subscribe_logs` asks for. */
export interface SubscribeLogsParams {
  /** Name of a systemd unit; .service may be left out. At most 255 bytes. */
  service: string;
  /** Of the last line that the client has: it gets what came behind instead of the history. At most 255 bytes. */
  cursor?: string;
}

/** What `log_data` tells. */
export interface LogData {
  /** The unit's name as asked for, without .service; an alias is followed to its unit. */
  service: string;
  /** The text as journald has it. */
  line: string;
  /** When journald got it, in ms since 1970. */
  timestamp: number;
  /** As in syslog: 0 emergency, 3 error, 4 warning, 6 info, 7 debug. From 0 to 7. */
  priority: number;
  /** Names the line; give it back to resume behind it. */
  cursor: string;
}

/** What `subscribe_metrics` asks for. */
export interface SubscribeMetricsParams {
  /** Milliseconds between two looks at the node. Takes the nearest from 1000 to 60000. 2000 unless given. */
  interval?: number;
}

/** What `metrics_update` tells. */
export interface MetricsUpdate {
  /** In ms since 1970, by the daemon's clock, when the node had answered. */
  timestamp: number;
  /** In seconds. */
  uptime?: number;
  /** Seconds between the two looks that rates and cpu are of, by the node's own clock. */
  period?: number;
  /** Of all processors together, each a ratio of the time. */
  cpu?: MetricsUpdateCpu;
  /** The same for each processor. */
  cores: MetricsUpdateCoresItem[];
  /** Averages over so many minutes. */
  load?: MetricsUpdateLoad;
  /** In bytes. */
  memory?: MetricsUpdateMemory;
  /** In bytes; left out without swap. */
  swap?: MetricsUpdateSwap;
  /** Local ones, each device once; sizes in bytes. */
  filesystems: MetricsUpdateFilesystemsItem[];
  /** Whole ones, also md and device mapper; rates of a second. */
  disks: MetricsUpdateDisksItem[];
  /** Those with any traffic since boot; rates of a second. */
  interfaces: MetricsUpdateInterfacesItem[];
  /** In degrees Celsius. */
  temperatures: MetricsUpdateTemperaturesItem[];
  /** Share of the last 10 s that tasks spent waiting for it. */
  pressure?: MetricsUpdatePressure;
  /** What a container may use, where that is less than the machine has. */
  limits?: MetricsUpdateLimits;
}

export interface MetricsUpdateCpu {
  /** All but idle and iowait. */
  used: number;
  /** With nice. */
  user: number;
  /** With interrupts. */
  system: number;
  /** Waiting for disks. */
  iowait: number;
  /** Taken by the hypervisor for others. */
  steal: number;
}

export interface MetricsUpdateCoresItem {
  /** Its number. */
  core: number;
  used: number;
  user: number;
  system: number;
  iowait: number;
  steal: number;
}

export interface MetricsUpdateLoad {
  one: number;
  five: number;
  fifteen: number;
}

export interface MetricsUpdateMemory {
  total: number;
  /** total - available. */
  used: number;
  /** What programs can have without swapping. */
  available: number;
  free?: number;
  buffers?: number;
  cached?: number;
}

export interface MetricsUpdateSwap {
  total: number;
  used: number;
}

export interface MetricsUpdateFilesystemsItem {
  /** Where it is mounted. */
  mount: string;
  device: string;
  type: string;
  size: number;
  used: number;
  /** To users without privileges. */
  available: number;
  /** Not where they are made as needed. */
  inodes?: number;
  inodes_used?: number;
  /** Also when it turned so by an error. */
  read_only: boolean;
  /** Seconds until available is used up if it goes on filling so. */
  full_in?: number;
}

export interface MetricsUpdateDisksItem {
  name: string;
  /** Its name for the device mapper, such as vg0-data. */
  mapper?: string;
  read_bytes?: number;
  write_bytes?: number;
  reads?: number;
  writes?: number;
  /** Share of the time with something in progress. */
  utilisation?: number;
}

export interface MetricsUpdateInterfacesItem {
  name: string;
  rx_bytes?: number;
  tx_bytes?: number;
  rx_packets?: number;
  tx_packets?: number;
  rx_errors?: number;
  tx_errors?: number;
  rx_drops?: number;
  tx_drops?: number;
}

export interface MetricsUpdateTemperaturesItem {
  chip: string;
  /** Where it has one. */
  label?: string;
  celsius: number;
  /** As its maker has set it. */
  critical?: number;
}

export interface MetricsUpdatePressure {
  cpu?: MetricsUpdatePressureCpu;
  memory?: MetricsUpdatePressureMemory;
  io?: MetricsUpdatePressureIo;
}

export interface MetricsUpdatePressureCpu {
  /** Of some tasks. */
  some?: number;
  /** Of all tasks. */
  full?: number;
}

export interface MetricsUpdatePressureMemory {
  /** Of some tasks. */
  some?: number;
  /** Of all tasks. */
  full?: number;
}

export interface MetricsUpdatePressureIo {
  /** Of some tasks. */
  some?: number;
  /** Of all tasks. */
  full?: number;
}

export interface MetricsUpdateLimits {
  /** In bytes. */
  memory?: number;
  /** Without cached files that could go. */
  memory_used?: number;
  /** As a number of processors. */
  cpus?: number;
}

/** What `subscribe_status` asks for. */
export interface SubscribeStatusParams {
  /** Milliseconds between two looks at the node. Takes the nearest from 1000 to 60000. 5000 unless given. */
  interval?: number;
}

/** What `status_update` tells. */
export type StatusUpdate = StatusUpdateItem[];

export interface StatusUpdateItem {
  /** The unit's name as configured, without .service. */
  service: string;
  /** One word: active, inactive, failed, activating, deactivating, reloading or not_installed. */
  status: string;
  /** systemd's LoadState. */
  load: string;
  /** systemd's ActiveState. */
  active: string;
  /** systemd's SubState. */
  sub: string;
  /** Of the unit. */
  description: string;
  /** When the unit entered its state, in ms since 1970, whole seconds; left out if it never did. */
  since?: number;
  /** By systemd, since the unit was last started by hand. */
  restarts: number;
  /** In bytes; left out where systemd does not count: the unit is down, or there is no memory controller. */
  memory?: number;
  /** Of the main process; left out if none runs. */
  pid?: number;
}

/** What `control_service` asks for. */
export interface ControlServiceParams {
  /** Name of a systemd unit; .service may be left out. At most 255 bytes. */
  service: string;
  /** What to do with it. */
  action: "start" | "stop" | "restart" | "enable" | "disable";
}

/** What `control_service` answers. */
export interface ControlServiceResponse {
  /** As asked for, without .service. */
  service: string;
  /** As asked for. */
  action: "start" | "stop" | "restart" | "enable" | "disable";
  /** Whether it worked; of a start and a restart: whether the unit still runs 2 s later; of enable and disable: whether it is so then. */
  success: boolean;
  /** Of systemctl; -1: ended by a signal. From -1 to 255. */
  exit_status: number;
  /** The unit's ActiveState afterwards: active, inactive, failed, ... */
  state?: string;
  /** Its SubState: running, dead, auto-restart, ... */
  sub?: string;
  /** How its last run ended: success, exit-code, timeout, ... */
  result?: string;
  /** Whether it starts at boot: enabled, disabled, static, ... */
  enabled?: string;
  /** What was run on the node. */
  command: string;
  /** What systemctl printed. */
  output: string;
  /** If start, stop or restart failed: the unit's newest 20 lines, as far as the user may read them. */
  journal: string[];
  /** The same in a sentence. */
  message: string;
}

/** What `get_config` asks for. */
export interface GetConfigParams {
  /** Name of a systemd unit; .service may be left out. At most 255 bytes. */
  service: string;
}

/** What `get_config` answers. */
export interface GetConfigResponse {
  /** As asked for, without .service. */
  service: string;
  /** The unit file and its drop-ins, each below a line with its path. */
  content: string;
}

/** What can be subscribed to, by the message that does it. */
export interface Streams {
  /** Of the plugin client-logs. */
  subscribe_logs: {
    unsubscribe: "unsubscribe_logs";
    params: SubscribeLogsParams;
    event: "log_data";
    data: LogData;
    batch: "log_lines";
    gap: "log_gap";
    dropped: SubscribeLogsParams & Dropped;
  };
  /** Of the plugin node-metrics. */
  subscribe_metrics: {
    unsubscribe: "unsubscribe_metrics";
    params: SubscribeMetricsParams;
    event: "metrics_update";
    data: MetricsUpdate;
  };
  /** Of the plugin node-status. */
  subscribe_status: {
    unsubscribe: "unsubscribe_status";
    params: SubscribeStatusParams;
    event: "status_update";
    data: StatusUpdate;
  };
}

/** What is answered once, by its message. */
export interface Calls {
  /** Of the plugin service-control. */
  control_service: {
    params: ControlServiceParams;
    response: ControlServiceResponse;
  };
  /** Of the plugin service-control. */
  get_config: {
    params: GetConfigParams;
    response: GetConfigResponse;
  };
}

/** For `Socket<ServerToClientEvents, ClientToServerEvents>` of socket.io-client. */
export interface ServerToClientEvents {
  authenticated: () => void;
  error: (error: StreamError) => void;
  log_data: (data: LogData) => void;
  metrics_update: (data: MetricsUpdate) => void;
  status_update: (data: StatusUpdate) => void;
  /** Its stream's params, and how many events are missing. */
  log_gap: (gap: SubscribeLogsParams & Dropped) => void;
}

/** What a client sends by Socket.IO. Calls answer by the acknowledgement alone. */
export interface ClientToServerEvents {
  /** With the `ssh_session` of a login. */
  authenticate: (token: string, acknowledge?: (good: boolean) => void) => void;
  subscribe_logs: (params: SubscribeLogsParams, acknowledge?: Acknowledge<null>) => void;
  /** Ends what was subscribed to with the same params. */
  unsubscribe_logs: (params: SubscribeLogsParams, acknowledge?: Acknowledge<null>) => void;
  subscribe_metrics: (params?: SubscribeMetricsParams | null, acknowledge?: Acknowledge<null>) => void;
  /** Ends what was subscribed to with the same params. */
  unsubscribe_metrics: (params?: SubscribeMetricsParams | null, acknowledge?: Acknowledge<null>) => void;
  subscribe_status: (params?: SubscribeStatusParams | null, acknowledge?: Acknowledge<null>) => void;
  /** Ends what was subscribed to with the same params. */
  unsubscribe_status: (params?: SubscribeStatusParams | null, acknowledge?: Acknowledge<null>) => void;
  control_service: (params: ControlServiceParams, acknowledge: Acknowledge<ControlServiceResponse>) => void;
  get_config: (params: GetConfigParams, acknowledge: Acknowledge<GetConfigResponse>) => void;
}

/** Given back in the answer, as it was written. */
export type NativeId = string | number;

type NativeParams<Params> = {} extends Params ? { params?: Params | null } : { params: Params };
type NativeAsk<Type, Params> = { type: Type; id?: NativeId } & NativeParams<Params>;
type NativeAnswer<Type, Data> =
  | { type: Type; id?: NativeId; data: Data; error?: undefined; topic?: undefined }
  | { type: Type; id?: NativeId; data?: undefined; error: Failure; topic?: undefined };

/** A message to `/ws`. `credit`: how many events a subscription takes until more is granted. */
export type NativeRequest =
  | NativeAsk<"auth", { token: string }>
  | NativeAsk<"grant", { topic: string; credit: number }>
  | { [Type in keyof Streams]: NativeAsk<Type, Streams[Type]["params"]> & { credit?: number } }[keyof Streams]
  | { [Type in keyof Streams]: NativeAsk<Streams[Type]["unsubscribe"], Streams[Type]["params"]> }[keyof Streams]
  | { [Type in keyof Calls]: NativeAsk<Type, Calls[Type]["params"]> }[keyof Calls];

/** An event at `/ws`; `topic` tells which subscription it is of. Streams with a `batch` come in lists. */
export type NativeEvent =
  | {
      [Type in keyof Streams]: Streams[Type] extends { batch: infer Batch }
        ? { type: Batch; topic: string; data: Streams[Type]["data"][]; id?: undefined; error?: undefined }
        : { type: Streams[Type]["event"]; topic: string; data: Streams[Type]["data"]; id?: undefined; error?: undefined };
    }[keyof Streams]
  | {
      [Type in keyof Streams]: Streams[Type] extends { gap: infer Gap; dropped: infer Data }
        ? { type: Gap; topic: string; data: Data; id?: undefined; error?: undefined }
        : never;
    }[keyof Streams];

/** A message from `/ws`. */
export type NativeMessage =
  | { type: "authenticated"; id?: undefined; topic?: undefined; data?: undefined; error?: undefined }
  | { type: "error"; id?: NativeId; topic?: string; data?: undefined; error: StreamError }
  | NativeAnswer<"auth" | "grant", null>
  | { [Type in keyof Streams]: NativeAnswer<Type, { topic: string }> }[keyof Streams]
  | { [Type in keyof Streams]: NativeAnswer<Streams[Type]["unsubscribe"], null> }[keyof Streams]
  | { [Type in keyof Calls]: NativeAnswer<Type, Calls[Type]["response"]> }[keyof Calls]
  | NativeEvent;

export {};
