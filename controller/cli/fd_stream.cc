#include "controller/cli/fd_stream.h"

#include "common/sys/file.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

}  // namespace

FdStreamBuf::int_type FdStreamBuf::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char letter = traits_type::to_char_type(c);
  return xsputn(&letter, 1) == 1 ? c : traits_type::eof();
}

std::streamsize FdStreamBuf::xsputn(const char* data, std::streamsize size) {
  waiting_.append(data, static_cast<size_t>(size));
  if (waiting_.size() >= kBufferBytes && sync() != 0) return 0;
  return status_.ok() ? size : 0;
}

int FdStreamBuf::sync() {
  if (status_.ok()) status_ = sys::WriteAll(fd_, waiting_);
  waiting_.clear();
  return status_.ok() ? 0 : -1;
}

}  // namespace tcpfleet::controller
