#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "agent/probe/prober.h"
#include "common/base/mutex.h"

namespace tcpfleet::agent {

// Keeps what a probe sends. Threads: all functions from any thread.
class CollectingSink final : public ProbeSink {
 public:
  // After so many responses it is not ready for more.
  explicit CollectingSink(size_t most = 1'000'000) : most_(most) {}

  bool Ready() override {
    base::MutexLock lock(mutex_);
    return responses_.size() < most_;
  }
  void Send(v1::ProbeResponse response) override {
    base::MutexLock lock(mutex_);
    responses_.push_back(std::move(response));
    changed_.NotifyAll();
  }
  void Done(absl::Status status) override {
    base::MutexLock lock(mutex_);
    status_ = std::move(status);
    changed_.NotifyAll();
  }

  std::vector<v1::ProbeResponse> responses() {
    base::MutexLock lock(mutex_);
    return responses_;
  }
  std::optional<absl::Status> status() {
    base::MutexLock lock(mutex_);
    return status_;
  }
  void WaitForResponse() {
    base::MutexLock lock(mutex_);
    while (responses_.empty()) changed_.Wait(mutex_);
  }
  absl::Status WaitForEnd() {
    base::MutexLock lock(mutex_);
    while (!status_) changed_.Wait(mutex_);
    return *status_;
  }

 private:
  const size_t most_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::vector<v1::ProbeResponse> responses_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::agent
