#include "common/sys/net_namespace.h"

#include <gtest/gtest.h>

#include <string>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using tests::IsOk;
using tests::IsOkAndHolds;

TEST(NetNamespace, CurrentIsStable) {
  const auto first = NetNamespace::Current();
  const auto second = NetNamespace::Current();
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->Inode().value(), second->Inode().value());
}

TEST(NetNamespace, RunWorksInsideAndLeavesTheCallerAlone) {
  const auto created = NetNamespace::CreateNew();
  if (absl::IsPermissionDenied(created.status())) {
    GTEST_SKIP() << "needs CAP_SYS_ADMIN: " << created.status();
  }
  ASSERT_THAT(created, IsOk());
  const uint64_t ours = NetNamespace::Current()->Inode().value();
  const uint64_t theirs = created->Inode().value();
  EXPECT_NE(ours, theirs);

  std::string interfaces;
  EXPECT_THAT(created->Run([&] {
    EXPECT_THAT(NetNamespace::Current()->Inode(), IsOkAndHolds(theirs));
    interfaces = ReadFile("/proc/thread-self/net/dev").value();
    return absl::DataLossError("answer of the work");
  }),
              tests::StatusIs(absl::StatusCode::kDataLoss, "answer of the work"));
  EXPECT_NE(interfaces.find("lo:"), std::string::npos);
  EXPECT_EQ(interfaces.find("eth"), std::string::npos);
  EXPECT_THAT(NetNamespace::Current()->Inode(), IsOkAndHolds(ours));
}

}  // namespace
}  // namespace tcpfleet::sys
