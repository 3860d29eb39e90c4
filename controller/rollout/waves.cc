#include "controller/rollout/waves.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <cmath>

#include "common/base/status_macros.h"

namespace tcpfleet::controller {
namespace {

// Hosts up to which this batch goes.
absl::StatusOr<size_t> UpTo(absl::string_view batch, size_t hosts) {
  absl::string_view number = batch;
  if (absl::ConsumeSuffix(&number, "%")) {
    double share = 0;
    if (absl::SimpleAtod(number, &share) && share > 0 && share <= 100) {
      return static_cast<size_t>(std::ceil(static_cast<double>(hosts) * share / 100));
    }
  } else if (uint32_t count = 0; absl::SimpleAtoi(number, &count) && count > 0) {
    return std::min<size_t>(count, hosts);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", batch, "' is neither a share such as 10% nor a number of hosts"));
}

}  // namespace

absl::Status CheckBatches(absl::Span<const std::string> batches) {
  if (batches.size() > kMostBatches) {
    return absl::InvalidArgumentError(
        absl::StrCat(batches.size(), " batches are too many, at most ", kMostBatches));
  }
  for (const std::string& batch : batches) TF_RETURN_IF_ERROR(UpTo(batch, 100).status());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<size_t>> WaveSizes(size_t hosts, uint32_t canary,
                                              absl::Span<const std::string> batches) {
  TF_RETURN_IF_ERROR(CheckBatches(batches));
  std::vector<size_t> sizes;
  size_t covered = std::min<size_t>(canary, hosts);
  if (covered > 0) sizes.push_back(covered);
  size_t last = 0;
  for (const std::string& batch : batches) {
    TF_ASSIGN_OR_RETURN(const size_t up_to, UpTo(batch, hosts));
    if (up_to < last) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", batch, "' is less than the batch before it: shares are of all hosts"));
    }
    last = up_to;
    if (up_to <= covered) continue;
    sizes.push_back(up_to - covered);
    covered = up_to;
  }
  if (covered == hosts) return sizes;
  return absl::InvalidArgumentError(absl::StrCat("the last batch leaves ", hosts - covered, " of ",
                                                 hosts, hosts == 1 ? " host" : " hosts",
                                                 " out: end with 100%"));
}

}  // namespace tcpfleet::controller
