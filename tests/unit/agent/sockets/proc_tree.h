// A /proc, and a clock, that the test holds in its hands.
#pragma once

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/base/clock.h"
#include "common/sys/file.h"

namespace tcpfleet::agent {

// Every look at it takes `step_ns`.
class StepClock final : public base::Clock {
 public:
  int64_t MonotonicNs() const override {
    ++looks_;
    return now_ns_ += step_ns_;
  }
  absl::Time Now() const override { return absl::FromUnixNanos(now_ns_); }
  bool SleepUntil(int64_t deadline_ns, std::stop_token) override {
    now_ns_ = deadline_ns;
    return true;
  }
  void Advance(absl::Duration time) { now_ns_ += absl::ToInt64Nanoseconds(time); }
  void SetStep(absl::Duration step) { step_ns_ = absl::ToInt64Nanoseconds(step); }
  int looks() const { return looks_; }

 private:
  mutable int64_t now_ns_ = 1'000'000'000'000;
  mutable int looks_ = 0;
  int64_t step_ns_ = 0;
};

class ProcTree {
 public:
  ProcTree() : directory_(sys::TemporaryDirectory::Create("tcpfleet-proc").value()) {}

  const std::string& root() const { return directory_.path(); }
  std::string Path(uint32_t pid) const { return absl::StrCat(root(), "/", pid); }

  void AddProcess(uint32_t pid, const std::string& comm, const std::string& arguments = "",
                  uint64_t start_ticks = 1000) {
    std::filesystem::create_directories(Path(pid) + "/fd");
    std::filesystem::create_directories(Path(pid) + "/ns");
    Rename(pid, comm, start_ticks);
    Write(Path(pid) + "/cmdline", arguments);
  }
  // Writes stat anew, as exec or a new process with the same number would.
  void Rename(uint32_t pid, const std::string& comm, uint64_t start_ticks = 1000) {
    Write(Path(pid) + "/stat",
          absl::StrCat(pid, " (", comm, ") S 1 1 1 0 -1 4194560 1 0 0 0 1 0 0 0 20 0 1 0 ",
                       start_ticks, " 10000000 300 18446744073709551615 1 1 0 0 0 0\n"));
  }
  void AddSocket(uint32_t pid, int fd, uint64_t inode) {
    AddLink(pid, absl::StrCat("fd/", fd), absl::StrCat("socket:[", inode, "]"));
  }
  // `path` from /proc/PID.
  void AddLink(uint32_t pid, const std::string& path, const std::string& target) {
    std::filesystem::create_symlink(target, absl::StrCat(Path(pid), "/", path));
  }
  void RemoveProcess(uint32_t pid) { std::filesystem::remove_all(Path(pid)); }
  void Write(const std::string& path, const std::string& content) {
    EXPECT_TRUE(sys::WriteFile(path, content).ok()) << path;
  }

 private:
  sys::TemporaryDirectory directory_;
};

}  // namespace tcpfleet::agent
