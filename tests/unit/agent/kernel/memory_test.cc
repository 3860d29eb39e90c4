#include "agent/kernel/memory.h"

#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

absl::StatusOr<uint64_t> AvailableIn(absl::string_view meminfo) {
  const auto directory = sys::TemporaryDirectory::Create("tcpfleet-test").value();
  EXPECT_THAT(sys::WriteFile(directory.path() + "/meminfo", meminfo), IsOk());
  return ReadAvailableMemory(directory.path() + "/meminfo");
}

TEST(ReadAvailableMemory, TurnsKilobytesIntoBytes) {
  EXPECT_EQ(AvailableIn("MemTotal:  2000 kB\nMemFree:  9 kB\nMemAvailable:   1234 kB\n").value(),
            1234u * 1024);
}

TEST(ReadAvailableMemory, RefusesAFileThatDoesNotSayIt) {
  for (const char* text :
       {"", "MemTotal: 1 kB\n", "MemAvailable: 1 MB\n", "MemAvailable: x kB\n"}) {
    EXPECT_THAT(AvailableIn(text), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("MemAvailable")))
        << text;
  }
}

TEST(ReadAvailableMemory, ReadsThisHost) { EXPECT_GT(ReadAvailableMemory().value(), 0u); }

}  // namespace
}  // namespace tcpfleet::agent
