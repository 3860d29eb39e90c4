#include "controller/audit/drift.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/audit/check_files.h"
#include "controller/audit/drift_text.h"
#include "tests/unit/controller/audit/answers.h"
#include "tests/unit/controller/cli/sarif_check.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class DriftTest : public ::testing::Test {
 protected:
  void AddHost(const std::string& name, std::vector<v1::Sysctl> sysctls,
               const std::string& kernel = "6.1.0") {
    std::sort(sysctls.begin(), sysctls.end(),
              [](const v1::Sysctl& a, const v1::Sysctl& b) { return a.key() < b.key(); });
    readings_.push_back(std::make_unique<SysctlReading>(Reading(std::move(sysctls))));
    AuditedHost& host = hosts_.emplace_back();
    host.name = name;
    host.facts.kernel = kernel;
    host.facts.boot_id = "b1";
    host.reading = readings_.back().get();
    readings_.back()->facts = host.facts;
  }

  std::string Text() const {
    std::ostringstream out;
    PrintDrift(out, FindDrift(hosts_), false);
    return out.str();
  }

  std::vector<std::unique_ptr<SysctlReading>> readings_;
  std::vector<AuditedHost> hosts_;
};

std::vector<std::string> KeysOf(const v1::DriftReport& report) {
  std::vector<std::string> keys;
  for (const v1::DriftedKey& key : report.keys()) keys.push_back(key.key());
  return keys;
}

TEST_F(DriftTest, ShowsWhoDiffersFromMostAndWhatSetsIt) {
  for (const char* name : {"web1", "web2", "web3", "web4"}) {
    AddHost(name, {Sysctl("net/core/somaxconn", "4096"), Sysctl("net/ipv4/tcp_sack", "1")});
  }
  v1::Sysctl set = Sysctl("net/core/somaxconn", "128");
  SetBy("/etc/sysctl.d/90-old.conf", "128", *set.mutable_at_boot());
  AddHost("web5", {set, Sysctl("net/ipv4/tcp_sack", "0")});
  EXPECT_EQ(Text(),
            "web5\n"
            "  net.core.somaxconn: 128, most 4096; set by /etc/sysctl.d/90-old.conf:1\n"
            "  net.ipv4.tcp_sack: 0, most 1; no file sets it\n"
            "\n"
            "2 of 2 parameters of 5 hosts differ\n");
}

TEST_F(DriftTest, TakesTheSameWrittenDifferentlyAsTheSame) {
  AddHost("a", {Sysctl("net/ipv4/tcp_rmem", "4096\t131072\t6291456")});
  AddHost("b", {Sysctl("net/ipv4/tcp_rmem", "4096 131072 6291456")});
  EXPECT_THAT(KeysOf(FindDrift(hosts_)), IsEmpty());
}

TEST_F(DriftTest, HasNoReferenceWhereNoValueIsAhead) {
  AddHost("a", {Sysctl("net/core/somaxconn", "128")});
  AddHost("b", {Sysctl("net/core/somaxconn", "4096")});
  EXPECT_EQ(ReferenceOf(FindDrift(hosts_).keys(0)), nullptr);
  EXPECT_EQ(Text(),
            "net.core.somaxconn, no value is ahead\n"
            "  a: 128; no file sets it\n"
            "  b: 4096; no file sets it\n"
            "\n"
            "1 of 1 parameters of 2 hosts differ\n");
}

TEST_F(DriftTest, LeavesOutWhatTheKernelScalesUnlessAFileSetsIt) {
  for (int i = 1; i <= 3; ++i) {
    AddHost(absl::StrCat("a", i), {Sysctl("net/ipv4/tcp_mem", absl::StrCat(i, " 2 3")),
                                   Sysctl("net/ipv4/tcp_max_tw_buckets", absl::StrCat(i)),
                                   Sysctl("fs/file-nr", absl::StrCat(i, " 0 9"))});
  }
  const v1::DriftReport report = FindDrift(hosts_);
  EXPECT_THAT(KeysOf(report), IsEmpty());
  EXPECT_EQ(report.explained(), 3u);
  ASSERT_EQ(report.explanations_size(), 2);
  EXPECT_THAT(report.explanations(1).keys(),
              ElementsAre("net.ipv4.tcp_max_tw_buckets", "net.ipv4.tcp_mem"));
  EXPECT_THAT(Text(), HasSubstr("  by the size of memory: net.ipv4.tcp_max_tw_buckets, "
                                "net.ipv4.tcp_mem\n"));

  v1::Sysctl set = Sysctl("net/ipv4/tcp_max_tw_buckets", "5");
  SetBy("/etc/sysctl.conf", "5", *set.mutable_by_procps());
  v1::Sysctl state = Sysctl("fs/file-nr", "5 0 9");
  *state.mutable_by_procps() = set.by_procps();
  AddHost("a4", {set, state});
  EXPECT_THAT(KeysOf(FindDrift(hosts_)), ElementsAre("net.ipv4.tcp_max_tw_buckets"));
}

TEST_F(DriftTest, ExplainsWhatSomeHostsDoNotHave) {
  AddHost("a", {Sysctl("net/core/somaxconn", "1"), Sysctl("net/netfilter/nf_conntrack_acct", "0")});
  AddHost("b", {Sysctl("net/core/somaxconn", "1")});
  AddHost("c", {Sysctl("net/core/somaxconn", "1"), Sysctl("net/core/new", "1")}, "7.0.0");
  const v1::DriftReport report = FindDrift(hosts_);
  EXPECT_THAT(KeysOf(report), IsEmpty());
  ASSERT_EQ(report.explanations_size(), 2);
  EXPECT_THAT(report.explanations(0).reason(), HasSubstr("a module is not loaded"));
  EXPECT_THAT(report.explanations(0).agents(), ElementsAre("b", "c"));
  EXPECT_EQ(report.explanations(1).reason(), "not there: another kernel");
  EXPECT_THAT(report.explanations(1).agents(), ElementsAre("a", "b"));
}

TEST_F(DriftTest, SaysWhatCouldNotBeRead) {
  v1::Sysctl denied;
  denied.set_key("net/core/somaxconn");
  denied.set_unreadable("permission denied");
  AddHost("a", {denied});
  AddHost("b", {Sysctl("net/core/somaxconn", "1")});
  AddHost("c", {Sysctl("net/core/somaxconn", "1")});
  const v1::DriftReport report = FindDrift(hosts_);
  EXPECT_THAT(KeysOf(report), IsEmpty());
  ASSERT_EQ(report.explanations_size(), 1);
  EXPECT_EQ(report.explanations(0).reason(), "cannot be read: permission denied");
  EXPECT_THAT(report.explanations(0).agents(), ElementsAre("a"));
}

std::vector<v1::Sysctl> RpFilters(const std::vector<std::pair<std::string, std::string>>& values) {
  std::vector<v1::Sysctl> sysctls;
  for (const auto& [interface, value] : values) {
    sysctls.push_back(Sysctl(absl::StrCat("net/ipv4/conf/", interface, "/rp_filter"), value));
  }
  return sysctls;
}

TEST_F(DriftTest, FindsOneInterfaceThatIsNotAsTheOthers) {
  for (const char* name : {"a1", "a2", "a3", "a4"}) {
    AddHost(name, RpFilters({{"all", "0"}, {"eth0", "2"}, {"eth1", "2"}}));
  }
  AddHost("a5", RpFilters({{"all", "0"}, {"eth0", "2"}, {"eth1", "0"}}));
  const v1::DriftReport report = FindDrift(hosts_);
  ASSERT_THAT(KeysOf(report), ElementsAre("net.ipv4.conf.*.rp_filter"));
  EXPECT_EQ(report.compared(), 2u);
  ASSERT_EQ(report.keys(0).groups_size(), 2);
  EXPECT_THAT(report.keys(0).groups(1).agents(), ElementsAre("a5"));
  EXPECT_THAT(report.keys(0).groups(1).interfaces(), ElementsAre("eth1"));
  EXPECT_THAT(Text(), HasSubstr("a5\n  net.ipv4.conf.*.rp_filter on eth1: 0, most 2"));
}

TEST_F(DriftTest, FindsItOnASingleHostToo) {
  AddHost("a", RpFilters({{"eth0", "2"}, {"eth1", "2"}, {"eth2", "1"}}));
  const v1::DriftReport report = FindDrift(hosts_);
  ASSERT_THAT(KeysOf(report), ElementsAre("net.ipv4.conf.*.rp_filter"));
  EXPECT_THAT(report.keys(0).groups(1).interfaces(), ElementsAre("eth2"));
}

TEST_F(DriftTest, TakesInterfacesThatDifferOnAllHostsAlikeAsMeant) {
  for (const char* name : {"a1", "a2", "a3"}) {
    AddHost(name, RpFilters({{"dmz", "1"}, {"eth0", "2"}, {"eth1", "2"}}));
  }
  EXPECT_THAT(KeysOf(FindDrift(hosts_)), IsEmpty());
  AddHost("a4", RpFilters({{"dmz", "2"}, {"eth0", "2"}, {"eth1", "2"}}));
  const v1::DriftReport report = FindDrift(hosts_);
  ASSERT_THAT(KeysOf(report), ElementsAre("net.ipv4.conf.dmz.rp_filter"));
  EXPECT_THAT(report.keys(0).groups(1).agents(), ElementsAre("a4"));
}

TEST_F(DriftTest, IsNotOutvotedByAHostWithManyInterfaces) {
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 0; i < 50; ++i) many.emplace_back(absl::StrCat("veth", i), "0");
  AddHost("containers", RpFilters(many));
  AddHost("a", RpFilters({{"eth0", "1"}}));
  AddHost("b", RpFilters({{"eth0", "1"}}));
  const v1::DriftReport report = FindDrift(hosts_);
  ASSERT_EQ(report.keys_size(), 1);
  EXPECT_EQ(report.keys(0).groups(0).value(), "1");
  EXPECT_THAT(report.keys(0).groups(1).agents(), ElementsAre("containers"));
  EXPECT_THAT(report.keys(0).groups(1).interfaces(), IsEmpty());
}

TEST_F(DriftTest, PrintsFiveHundredHostsInThreeVariantsOnAFewLines) {
  for (int i = 1; i <= 500; ++i) {
    const char* const value = i <= 480 ? "4096" : i <= 495 ? "128" : "1024";
    AddHost(absl::StrFormat("web%03d", i),
            {Sysctl("net/core/somaxconn", value), Sysctl("net/ipv4/tcp_mem", absl::StrCat(i))});
  }
  const std::string text = Text();
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 10) << text;
  EXPECT_THAT(text, HasSubstr("web[481-495] (15)\n  net.core.somaxconn: 128, most 4096"));
  EXPECT_THAT(text, HasSubstr("web[496-500] (5)\n"));
}

TEST_F(DriftTest, IsValidSarifAndHasACasePerParameter) {
  v1::Sysctl set = Sysctl("net/core/somaxconn", "128");
  SetBy("/etc/sysctl.d/a.conf", "128", *set.mutable_at_boot());
  AddHost("a", {set});
  AddHost("b", {Sysctl("net/core/somaxconn", "4096")});
  AddHost("c", {Sysctl("net/core/somaxconn", "4096")});
  v1::DriftReport report = FindDrift(hosts_);
  report.add_failures()->set_name("gone");
  const std::string sarif = DriftSarif(report);
  EXPECT_EQ(tests::WrongWithSarif(sarif), "") << sarif;
  EXPECT_THAT(sarif, HasSubstr("drift/net.core.somaxconn"));
  EXPECT_THAT(sarif, HasSubstr("file:///etc/sysctl.d/a.conf"));
  EXPECT_THAT(sarif, HasSubstr("{\"hosts\": [\"a\"]}"));
  const std::string junit = DriftJUnit(report, absl::FromUnixSeconds(0));
  EXPECT_THAT(junit, HasSubstr("tests=\"3\" failures=\"1\" errors=\"1\""));
  EXPECT_THAT(junit, HasSubstr("a: 128, most 4096; set by /etc/sysctl.d/a.conf:1"));
}

TEST_F(DriftTest, PrintsNoControlCharactersOfHosts) {
  AddHost("a\x1b[2J", {Sysctl("net/core/somaxconn", "\x1b[2J")});
  AddHost("b", {Sysctl("net/core/somaxconn", "1")});
  AddHost("c", {Sysctl("net/core/somaxconn", "1")});
  EXPECT_THAT(Text(), Not(HasSubstr("\x1b")));
}

class ChangesTest : public DriftTest {
 protected:
  // What the hosts have now becomes the baseline; they are gone then.
  void Remember() {
    for (const AuditedHost& host : hosts_)
      baseline_.hosts.push_back({host.name, "", *host.reading});
    hosts_.clear();
  }

  v1::DriftReport Changes() const { return FindChanges(hosts_, baseline_, {"net", "fs/file-nr"}); }

  Baseline baseline_{.path = "monday.json",
                     .time = absl::FromUnixSeconds(1'700'000'000),
                     .patterns = {"net", "fs/file-nr"},
                     .hosts = {}};
};

TEST_F(ChangesTest, ShowWhatEveryHostWasBefore) {
  for (const char* name : {"a", "b", "c"}) {
    AddHost(name, {Sysctl("net/core/somaxconn", "4096"), Sysctl("net/ipv4/tcp_mem", "1 2 3"),
                   Sysctl("fs/file-nr", "1 0 2")});
  }
  Remember();
  AddHost("a", {Sysctl("net/core/somaxconn", "128"), Sysctl("net/ipv4/tcp_mem", "1 2 3"),
                Sysctl("fs/file-nr", "7 0 2")});
  AddHost("b", {Sysctl("net/core/somaxconn", "4096"), Sysctl("net/ipv4/tcp_mem", "9 9 9"),
                Sysctl("fs/file-nr", "8 0 2")});
  hosts_[1].facts.boot_id = "b2";
  AddHost("d", {Sysctl("net/core/somaxconn", "1")});
  const v1::DriftReport report = Changes();
  EXPECT_THAT(KeysOf(report), ElementsAre("net.core.somaxconn", "net.ipv4.tcp_mem"));
  EXPECT_EQ(report.keys(0).groups(0).value_before(), "4096");
  EXPECT_EQ(report.hosts(), 2u);
  EXPECT_THAT(report.booted_since(), ElementsAre("b"));
  EXPECT_THAT(report.not_in_baseline(), ElementsAre("d"));
  EXPECT_THAT(report.not_now(), ElementsAre("c"));
  EXPECT_EQ(report.explained(), 1u);
  std::ostringstream out;
  PrintDrift(out, report, false);
  EXPECT_EQ(out.str(),
            "a\n  net.core.somaxconn: 4096 -> 128; no file sets it\n"
            "b\n  net.ipv4.tcp_mem: 1 2 3 -> 9 9 9; no file sets it\n"
            "\n"
            "2 of 3 parameters of 2 hosts changed since monday.json (2023-11-14 22:13 UTC)\n"
            "booted since: b\n"
            "not in the file: d\n"
            "in the file alone: c\n"
            "1 more differ and are no drift:\n"
            "  a state, not a setting: fs.file-nr\n");
}

TEST_F(ChangesTest, ExplainWhatCameWithAKernelOrAnInterface) {
  AddHost("a", {Sysctl("net/core/old", "1")});
  AddHost("b", RpFilters({{"eth0", "1"}}));
  AddHost("c", {Sysctl("net/core/somaxconn", "1")});
  Remember();
  AddHost("a", {Sysctl("net/core/new", "1")}, "7.0.0");
  AddHost("b", RpFilters({{"eth0", "1"}, {"eth1", "0"}}));
  AddHost("c", {});
  const v1::DriftReport report = Changes();
  EXPECT_THAT(KeysOf(report), ElementsAre("net.core.somaxconn"));
  EXPECT_FALSE(report.keys(0).groups(0).has_value());
  EXPECT_EQ(report.explained(), 3u);
  EXPECT_THAT(DescribeDrift(report, report.keys(0), report.keys(0).groups(0)),
              HasSubstr("1 -> not there"));
}

TEST_F(ChangesTest, CompareOnlyWhatWasAskedForBothTimes) {
  AddHost("a", {Sysctl("kernel/threads-max", "1"), Sysctl("net/core/somaxconn", "1")});
  Remember();
  baseline_.patterns = {"net/core", "kernel"};
  AddHost("a", {Sysctl("net/core/somaxconn", "1"), Sysctl("net/ipv4/tcp_sack", "1")});
  EXPECT_THAT(KeysOf(Changes()), IsEmpty());
  EXPECT_EQ(Changes().compared(), 1u);
}

}  // namespace
}  // namespace tcpfleet::controller
