// Evidence as a file: a line that says so, then zstd around a protobuf EvidenceBundle. The same
// evidence gives the same bytes.
//
// Errors: InvalidArgument in one line: no such file of ours, of a newer tcpfleet, torn, or with
// what
//         no collector writes.
// Bounds: kMostBundleBytes, packed and unpacked.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstddef>
#include <string>

#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostBundleBytes = size_t{1} << 30;

std::string PackBundle(const v1::EvidenceBundle& bundle);
absl::StatusOr<v1::EvidenceBundle> UnpackBundle(absl::string_view content);

absl::Status WriteBundle(const std::string& path, const v1::EvidenceBundle& bundle);
absl::StatusOr<v1::EvidenceBundle> ReadBundle(const std::string& path);

}  // namespace tcpfleet::controller
