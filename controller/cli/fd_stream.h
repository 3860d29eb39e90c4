#pragma once

#include <absl/status/status.h>

#include <ostream>
#include <streambuf>
#include <string>

namespace tcpfleet::controller {

// An ostream's buffer over a descriptor that remembers why a write failed, which std::cout forgets.
// Writes when 64 KiB are there, and on flush. After a failure everything is dropped.
class FdStreamBuf final : public std::streambuf {
 public:
  explicit FdStreamBuf(int fd) : fd_(fd) {}
  // FailedPrecondition: the reader of the pipe is gone.
  const absl::Status& status() const { return status_; }

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* data, std::streamsize size) override;
  int sync() override;

 private:
  const int fd_;
  std::string waiting_;
  absl::Status status_;
};

}  // namespace tcpfleet::controller
