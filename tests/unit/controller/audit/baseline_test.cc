#include "controller/audit/baseline.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "common/sys/file.h"
#include "controller/audit/fold.h"
#include "controller/cli/printer.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/audit/answers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class BaselineTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }

  std::string Written(const std::string& text) const {
    EXPECT_TRUE(sys::WriteFile(Path("given.json"), text).ok());
    return Path("given.json");
  }

  absl::StatusOr<sys::TemporaryDirectory> directory_ = sys::TemporaryDirectory::Create("baseline");
};

TEST_F(BaselineTest, ComesBackAsItWasSaved) {
  SysctlReading first = Reading({Sysctl("net/a", "1"), Sysctl("net/b", "2")});
  first.facts = HostFacts{.kernel = "6.1.0", .memory_bytes = 7, .labels = {}, .boot_id = "b"};
  SysctlReading second = Reading({Sysctl("net/a", "1")});
  std::vector<AuditedHost> hosts(2);
  hosts[0].name = "web1";
  hosts[0].reading = &first;
  hosts[1].name = "web2";
  hosts[1].reading = &second;
  const std::string path = Path("saved.json");
  ASSERT_TRUE(CheckBaselinePath(path).ok());
  ASSERT_TRUE(SaveBaseline(path, absl::FromUnixSeconds(5), {"net"}, hosts).ok());
  // What both say is in there once.
  EXPECT_EQ(sys::ReadFile(path)->find("net/a"), sys::ReadFile(path)->rfind("net/a"));

  const absl::StatusOr<Baseline> back = ReadBaseline(path);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->time, absl::FromUnixSeconds(5));
  EXPECT_THAT(back->patterns, ElementsAre("net"));
  ASSERT_THAT(back->hosts, SizeIs(2));
  EXPECT_EQ(back->hosts[0].agent, "web1");
  EXPECT_EQ(back->hosts[0].reading.facts->boot_id, "b");
  EXPECT_EQ(back->hosts[0].reading.facts->kernel, "6.1.0");
  ASSERT_EQ(back->hosts[0].reading.sysctls.size(), 2u);
  EXPECT_EQ(back->hosts[0].reading.sysctls[1].value(), "2");
  EXPECT_EQ(back->hosts[1].reading.sysctls.size(), 1u);
  EXPECT_TRUE(CheckBaselinePath(path).ok());
}

TEST_F(BaselineTest, MayBeWhatSysctlGetPrinted) {
  const std::vector<SysctlReading> readings = {
      Reading(
          {Sysctl("net/core/somaxconn", "128"), Sysctl("net/ipv4/conf/eth0.100/rp_filter", "1")}),
      Reading({Sysctl("net/core/somaxconn", "4096")})};
  std::ostringstream json;
  ASSERT_TRUE(WriteJson(json, FoldSysctls(Members({"a", "b"}), readings)).ok());
  const absl::StatusOr<Baseline> baseline = ReadBaseline(Written(json.str()));
  ASSERT_TRUE(baseline.ok()) << baseline.status();
  ASSERT_THAT(baseline->hosts, SizeIs(2));
  EXPECT_EQ(baseline->hosts[0].agent, "a");
  EXPECT_NE(baseline->hosts[0].reading.sysctls.Find("net/ipv4/conf/eth0.100/rp_filter"), nullptr);
  EXPECT_EQ(baseline->hosts[1].reading.sysctls.size(), 1u);
}

TEST_F(BaselineTest, OfAnyOtherKindIsRefused) {
  for (const char* text :
       {"", "{", "{}", "[]", "\xff\xfe", "{\"hosts\": []}", "{\"verdict\": \"PASS\"}",
        R"({"hosts": [{"agent": ""}]})", R"({"hosts": [{"agent": "a"}, {"agent": "a"}]})",
        R"({"hosts": [{"agent": "a", "sysctls": [0]}]})",
        R"({"sysctls": [{"key": "../x"}], "hosts": [{"agent": "a", "sysctls": [0]}]})",
        R"({"sysctls": [{"key": "net/b"}, {"key": "net/a"}],
            "hosts": [{"agent": "a", "sysctls": [0, 1]}]})",
        R"({"sysctls": [{"key": "net/b"}], "hosts": [{"agent": "a", "sysctls": [0, 0]}]})",
        R"({"keys": [{"key": "../../etc/passwd", "groups": []}]})"}) {
    EXPECT_THAT(ReadBaseline(Written(text)),
                tests::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("given.json")))
        << text;
  }
  EXPECT_THAT(ReadBaseline(Path("none")), tests::StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(BaselineTest, IsNotWrittenOverOtherFiles) {
  EXPECT_THAT(CheckBaselinePath(Written("my notes")),
              tests::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("overwritten")));
  EXPECT_THAT(CheckBaselinePath(directory_->path()),
              tests::StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(CheckBaselinePath(Path("none/x.json")),
              tests::StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace tcpfleet::controller
