#include "controller/audit/audit.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/audit/audit_text.h"
#include "controller/audit/check_files.h"
#include "tests/unit/controller/audit/answers.h"
#include "tests/unit/controller/cli/sarif_check.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Profile Parsed(const std::string& rules) {
  const auto profile = ParseProfile("p.yaml", "name: p\nrules:\n" + rules);
  EXPECT_TRUE(profile.ok()) << profile.status();
  return *profile;
}

class AuditTest : public ::testing::Test {
 protected:
  void AddHost(const std::string& name, std::vector<v1::Sysctl> sysctls) {
    readings_.push_back(std::make_unique<SysctlReading>(Reading(std::move(sysctls))));
    hosts_.push_back(
        {name, {.kernel = "6.1.0", .memory_bytes = 1, .labels = {}}, readings_.back().get()});
  }

  std::vector<std::unique_ptr<SysctlReading>> readings_;
  std::vector<AuditedHost> hosts_;
};

TEST_F(AuditTest, FoldsHostsOfWhichTheSameCanBeSaid) {
  for (const char* name : {"web1", "web2", "web3"}) {
    AddHost(name, {Sysctl("net/core/somaxconn", "128")});
  }
  AddHost("db1", {Sysctl("net/core/somaxconn", "4096")});
  const v1::AuditReport report =
      Audit(Parsed("  - {key: net.core.somaxconn, at_least: 4096}\n"), hosts_);
  ASSERT_EQ(report.rules_size(), 1);
  ASSERT_EQ(report.rules(0).groups_size(), 2);
  EXPECT_THAT(report.rules(0).groups(0).agents(), ElementsAre("web1", "web2", "web3"));
  EXPECT_EQ(report.rules(0).groups(0).state(), "wrong");
  EXPECT_EQ(report.wrong(), 3u);
  EXPECT_EQ(report.right(), 1u);
  EXPECT_TRUE(IsBroken(report, Severity::kWarn));
  EXPECT_FALSE(IsBroken(report, Severity::kCrit));

  std::ostringstream out;
  PrintAudit(out, report, false);
  EXPECT_EQ(
      out.str(),
      "warn  net.core.somaxconn  wanted >=4096\n"
      "      web[1-3] (3): 128; servers keep the old limit until they listen again; cannot be "
      "written to on this host\n"
      "\n"
      "profile p: 3 wrong, 1 right, 0 not applicable, 0 unknown\n"
      "3 need servers to listen again after the change\n");
}

TEST_F(AuditTest, JudgesEveryKeyOfAPattern) {
  AddHost("a", {Sysctl("net/ipv4/conf/all/rp_filter", "1"),
                Sysctl("net/ipv4/conf/eth0.100/rp_filter", "9")});
  AddHost("b", {Sysctl("net/ipv4/conf/all/rp_filter", "1")});
  const v1::AuditReport report =
      Audit(Parsed("  - {key: net.ipv4.conf.*.rp_filter, one_of: [0, 1, 2]}\n"), hosts_);
  ASSERT_EQ(report.rules_size(), 2);
  EXPECT_EQ(report.rules(1).key(), "net.ipv4.conf.eth0/100.rp_filter");
  EXPECT_EQ(report.wrong(), 1u);
  EXPECT_EQ(report.not_applicable(), 1u);
}

TEST_F(AuditTest, ShowsWhatTheNextBootBreaks) {
  v1::Sysctl sysctl = Sysctl("net/core/somaxconn", "4096");
  SetBy("/etc/sysctl.d/old.conf", "128", *sysctl.mutable_at_boot());
  *sysctl.mutable_by_procps() = sysctl.at_boot();
  AddHost("a", {sysctl});
  std::ostringstream out;
  PrintAudit(out, Audit(Parsed("  - {key: net.core.somaxconn, at_least: 4096}\n"), hosts_), false);
  EXPECT_THAT(out.str(), HasSubstr("wrong after the next boot"));
  EXPECT_THAT(out.str(), HasSubstr("boot sets 128 (/etc/sysctl.d/old.conf:1)"));
}

TEST_F(AuditTest, MarksWhatItCorrectsAndCountsWhatWouldBeLowered) {
  AddHost("a", {Sysctl("net/core/rmem_max", "8388608")});
  AddHost("b", {Sysctl("net/core/rmem_max", "1")});
  const v1::AuditReport report =
      Audit(Parsed("  - {key: net.core.rmem_max, at_least: 4194304, original: 6291456, "
                   "correction: less than many have}\n"),
            hosts_);
  EXPECT_EQ(report.rules(0).original(), "6291456");
  EXPECT_EQ(report.would_lower(), 1u);
  std::ostringstream out;
  PrintAudit(out, report, false);
  EXPECT_THAT(out.str(), HasSubstr("# corrected: less than many have"));
  EXPECT_THAT(out.str(), HasSubstr("1 would be lowered"));
}

TEST_F(AuditTest, PrintsFiveHundredHostsInThreeVariantsOnAFewLines) {
  for (int i = 0; i < 500; ++i) {
    const char* const value = i < 480 ? "4096" : i < 495 ? "128" : "64";
    AddHost(absl::StrFormat("web%03d", i), {Sysctl("net/core/somaxconn", value)});
  }
  const v1::AuditReport report =
      Audit(Parsed("  - {key: net.core.somaxconn, at_least: 4096}\n"), hosts_);
  EXPECT_EQ(report.right(), 480u);
  std::ostringstream out;
  PrintAudit(out, report, false);
  const std::string text = out.str();
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 10) << text;
  EXPECT_THAT(text, HasSubstr("web[480-494] (15): 128"));
}

TEST_F(AuditTest, IsValidSarifAndHasACasePerRule) {
  v1::Sysctl set = Sysctl("net/core/somaxconn", "4096");
  SetBy("/etc/sysctl.d/old.conf", "128", *set.mutable_at_boot());
  AddHost("a", {set});
  AddHost("b", {Sysctl("net/core/somaxconn", "128")});
  const v1::AuditReport report =
      Audit(Parsed("  - {key: net.core.somaxconn, at_least: 4096, reason: queues, severity: info, "
                   "reference: 'https://www.rfc-editor.org/rfc/rfc1122'}\n"
                   "  - {key: net.core.somaxconn, at_least: 8192, when: {labels: {role: lb}}}\n"),
            hosts_);
  const std::string sarif = AuditSarif(report);
  EXPECT_EQ(tests::WrongWithSarif(sarif), "") << sarif;
  EXPECT_THAT(sarif, HasSubstr("\"uri\": \"file:///etc/sysctl.d/old.conf\""));
  EXPECT_THAT(sarif, HasSubstr("\"startLine\": 1"));
  EXPECT_THAT(sarif, HasSubstr("\"level\": \"note\""));
  EXPECT_THAT(sarif, HasSubstr("audit/net.core.somaxconn/2"));
  EXPECT_THAT(AuditJUnit(report, Severity::kInfo, absl::FromUnixSeconds(0)),
              HasSubstr("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""));
  EXPECT_THAT(AuditJUnit(report, Severity::kWarn, absl::FromUnixSeconds(0)),
              HasSubstr("failures=\"0\""));
}

TEST(PatternsOf, AsksForDirectoriesWhereAProfileHasManyKeys) {
  Profile profile;
  for (int i = 0; i < 300; ++i) {
    profile.rules.emplace_back().key = absl::StrCat(i % 2 == 0 ? "net/core/" : "fs/", i);
  }
  EXPECT_THAT(PatternsOf(profile), ElementsAre("fs", "net"));
  profile.rules.resize(1);
  profile.rules[0].when.module = "nf_conntrack";
  EXPECT_THAT(PatternsOf(profile), ElementsAre("net/core/0", "net/netfilter/nf_conntrack_max"));
}

TEST_F(AuditTest, PrintsNoControlCharactersOfHosts) {
  AddHost("a\x1b[2J", {Sysctl("net/core/somaxconn", "\x1b[2J")});
  std::ostringstream out;
  PrintAudit(out, Audit(Parsed("  - {key: net.core.somaxconn, at_least: 4096}\n"), hosts_), false);
  EXPECT_THAT(out.str(), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace tcpfleet::controller
