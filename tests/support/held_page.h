// A page of memory whose first use waits until it is let go. What the kernel copies into it stays
// half done, with the locks it holds for it: recv(2) into it keeps its socket locked.
//
// Owns:    the page and its userfaultfd. Destroy it after the thread that uses the page.
// Threads: one uses the page and waits; any other calls the functions.
// Errors:  PermissionDenied without CAP_SYS_PTRACE, Unimplemented in a kernel without userfaultfd.
// Source:  userfaultfd(2), ioctl_userfaultfd(2).
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>

#include "common/sys/unique_fd.h"

namespace tcpfleet::tests {

class HeldPage {
 public:
  static absl::StatusOr<HeldPage> Create();
  HeldPage(HeldPage&& other) noexcept;
  HeldPage& operator=(HeldPage&& other) = delete;
  ~HeldPage();

  absl::Span<std::byte> bytes() const { return page_; }
  // Whether somebody has begun to wait since the last call.
  bool TakeWaiter();
  void LetGo() { faults_.Reset(); }

 private:
  HeldPage(absl::Span<std::byte> page, sys::UniqueFd faults)
      : page_(page), faults_(std::move(faults)) {}
  absl::Span<std::byte> page_;
  sys::UniqueFd faults_;
};

}  // namespace tcpfleet::tests
