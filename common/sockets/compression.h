// zstd around the rows of a frame.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <zstd.h>

#include <string>

namespace tcpfleet::sockets {

// Empty for nothing.
std::string Compress(absl::string_view plain, int level, ZSTD_CCtx* context);

// DataLoss unless `packed` is one zstd frame of exactly `size` bytes. Allocates `size` bytes at
// most.
absl::StatusOr<std::string> Decompress(absl::string_view packed, size_t size);

}  // namespace tcpfleet::sockets
