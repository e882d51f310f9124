#pragma once
// OpenSSL's objects behind std::unique_ptr.
#include <memory>

namespace pillard::ssh {

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* what) const {
    kFree(what);
  }
};

/// Owned<EVP_PKEY, EVP_PKEY_free>
template <class T, auto kFree>
using Owned = std::unique_ptr<T, Freed<kFree>>;

}  // namespace pillard::ssh
