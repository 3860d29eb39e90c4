// The state of a rollout, kept beside its plan so that another controller can go on from it: a
// RolloutReport with no more of the plan than its id.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <utility>

#include "common/sys/append_file.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

class RolloutFile {
 public:
  // Of one controller at a time: FailedPrecondition while another one has this plan.
  static absl::StatusOr<RolloutFile> Hold(const std::string& plan_path);

  // With the plan. Nothing when there is none. InvalidArgument when it is damaged or of another
  // plan.
  absl::StatusOr<std::optional<v1::RolloutReport>> Read(const v1::SysctlPlan& plan) const;
  absl::Status Write(const v1::RolloutReport& report) const;
  const std::string& path() const { return path_; }

 private:
  RolloutFile(std::string path, sys::AppendFile lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  sys::AppendFile lock_;  // on the plan, which is never replaced meanwhile
};

// That its hosts are those of its plan, each once, and its states and settings are such as a
// rollout has.
absl::Status CheckRollout(const v1::RolloutReport& report);

}  // namespace tcpfleet::controller
