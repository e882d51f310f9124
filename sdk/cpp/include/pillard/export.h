#pragma once
/// What libpillard-sdk.so offers. Everything else in it, and everything in a plugin, is hidden.
#define PILLARD_API __attribute__((visibility("default")))
