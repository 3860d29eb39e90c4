#include "common/sysctl/change_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/status_matchers.h"

namespace tcpfleet::sysctl {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

v1::SysctlChangeSet Set() {
  v1::SysctlChangeSet set;
  set.set_plan_id(std::string(64, 'a'));
  v1::SysctlChange& change = *set.add_changes();
  change.set_key("net/ipv4/tcp_rmem");
  change.set_old_value("4096 131072 6291456");
  change.set_new_value("4096 131072 33554432");
  set.set_author("root@console");
  set.set_hash(HashOf(set));
  return set;
}

absl::Status CheckWith(const std::function<void(v1::SysctlChangeSet&)>& change) {
  v1::SysctlChangeSet set = Set();
  change(set);
  set.set_hash(HashOf(set));
  return CheckChangeSet(set);
}

TEST(ChangeSet, IsWhole) { EXPECT_TRUE(CheckChangeSet(Set()).ok()); }

TEST(ChangeSet, IsRefusedWhenAnythingOfItWasAltered) {
  const std::function<void(v1::SysctlChangeSet&)> alterations[] = {
      [](auto& set) { set.mutable_changes(0)->set_new_value("4096 131072 1"); },
      [](auto& set) { set.mutable_changes(0)->set_old_value("1"); },
      [](auto& set) { set.mutable_changes(0)->set_key("net/ipv4/tcp_wmem"); },
      [](auto& set) { set.set_persist(true); },
      [](auto& set) { set.set_author("someone"); },
      [](auto& set) { set.set_reason("because"); },
      [](auto& set) { set.set_boot_id("b"); },
      [](auto& set) { set.set_network_namespace(1); },
      [](auto& set) { set.mutable_planned_at()->set_seconds(1); },
      [](auto& set) { set.set_plan_id(std::string(64, 'b')); },
  };
  for (const auto& alter : alterations) {
    v1::SysctlChangeSet set = Set();
    alter(set);
    EXPECT_THAT(CheckChangeSet(set),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("altered")));
  }
}

TEST(ChangeSet, HashDoesNotConfuseWhereATextEnds) {
  v1::SysctlChangeSet one = Set();
  one.set_author("ab");
  one.set_reason("c");
  v1::SysctlChangeSet other = Set();
  other.set_author("a");
  other.set_reason("bc");
  EXPECT_NE(HashOf(one), HashOf(other));
}

TEST(ChangeSet, RefusesKeysThatAreNone) {
  for (const char* key :
       {"", "../../etc/passwd", "net/ipv4/../core/somaxconn", "net.ipv4.tcp_rmem", "net/ipv4/tcp_*",
        "/net/ipv4/tcp_rmem", "net//ipv4/tcp_rmem", "net/ipv4/tcp_rmem\n"}) {
    EXPECT_THAT(CheckWith([&](auto& set) { set.mutable_changes(0)->set_key(key); }),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << key;
  }
}

TEST(ChangeSet, RefusesValuesThatTheKernelOrAFileWouldTakeForSomethingElse) {
  for (const char* value : {"", "0200", "0x80", "1\n2", " 1", "1  2", "1 # why", "1;"}) {
    EXPECT_THAT(CheckWith([&](auto& set) { set.mutable_changes(0)->set_new_value(value); }),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("net.ipv4.tcp_rmem")))
        << value;
  }
}

TEST(ChangeSet, RefusesAKeyTwiceAndTooManyAndLongTexts) {
  EXPECT_THAT(CheckWith([](auto& set) { *set.add_changes() = set.changes(0); }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("net.ipv4.tcp_rmem stands there twice")));
  EXPECT_THAT(CheckWith([](auto& set) {
                while (set.changes_size() <= kMostChanges) *set.add_changes() = set.changes(0);
              }),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1001 changes are too many")));
  EXPECT_THAT(CheckWith([](auto& set) { set.set_reason(std::string(kLongestReason + 1, 'x')); }),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("reason has 1025 bytes")));
  EXPECT_THAT(CheckWith([](auto& set) { set.clear_changes(); }),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("changes nothing")));
  EXPECT_THAT(CheckWith([](auto& set) { set.set_plan_id("7"); }),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("plan_id")));
}

}  // namespace
}  // namespace tcpfleet::sysctl
