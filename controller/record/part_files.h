// The files of a recording. Unrotated it is FILE itself; rotated, its parts are numbered from 1:
// web.tfr is kept as web.000001.tfr, web.000002.tfr and so on.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tcpfleet::controller {

struct PartFile {
  uint32_t number = 0;
  std::string path;
};

std::string PartPath(const std::string& path, uint32_t number);

// The parts of `path` that are there, ascending.
absl::StatusOr<std::vector<PartFile>> FindParts(const std::string& path);

}  // namespace tcpfleet::controller
