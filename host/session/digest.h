#pragma once
// Randomness, and digests that nobody outside this process can compute.
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace pillard::session {

/// [any] Fills `bytes` from the kernel's generator. Throws std::system_error if there is none.
void fill_random(std::span<std::byte> bytes);

/// [any] HMAC-SHA256 of the fields, each with its length, under a key made when this process first asked: 64 lower-case
/// hexadecimal digits. `purpose` parts the uses, so that a digest of one says nothing about another. Equal within a
/// process, different in the next; a guess at the fields can't be tried against it elsewhere.
std::string keyed_digest(std::string_view purpose, std::initializer_list<std::string_view> fields);

}  // namespace pillard::session
