#include "controller/cli/fd_stream.h"

#include <csignal>
#include <ostream>

#include "common/base/clock.h"
#include "common/sys/child_process.h"
#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::IsOkAndHolds;
using ::tcpfleet::tests::StatusIs;

TEST(FdStreamBuf, WritesOnFlush) {
  const sys::Pipe pipe = *sys::NewPipe();
  FdStreamBuf buffer(pipe.write_end.get());
  std::ostream out(&buffer);
  out << "one " << 1 << '\n' << std::flush;
  EXPECT_THAT(sys::ReadLineUntil(pipe.read_end.get(), base::MonotonicNowNs() + 1'000'000'000),
              IsOkAndHolds("one 1"));
  EXPECT_THAT(buffer.status(), IsOk());
}

TEST(FdStreamBuf, RemembersThatTheReaderIsGone) {
  std::signal(SIGPIPE, SIG_IGN);
  sys::Pipe pipe = *sys::NewPipe();
  pipe.read_end.Reset();
  FdStreamBuf buffer(pipe.write_end.get());
  std::ostream out(&buffer);
  out << "lost" << std::flush;
  EXPECT_FALSE(out.good());
  EXPECT_THAT(buffer.status(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(FdStreamBuf, RemembersAFullDisk) {
  const sys::UniqueFd full = *sys::OpenForWrite("/dev/full");
  FdStreamBuf buffer(full.get());
  std::ostream out(&buffer);
  out << "lost" << std::flush;
  EXPECT_THAT(buffer.status(), StatusIs(absl::StatusCode::kResourceExhausted,
                                        ::testing::HasSubstr("No space left")));
}

}  // namespace
}  // namespace tcpfleet::controller
