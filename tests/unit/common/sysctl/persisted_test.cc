// Cases whose outcome was seen with the real programs; tests/integration/sysctl_persisted_test.cc
// compares random ones.
#include "common/sysctl/persisted.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpfleet::sysctl {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kKey[] = "net/ipv4/tcp_fin_timeout";

ConfigFile File(const std::string& path, const std::string& text) {
  return {.path = path, .text = text};
}

std::string ValueAt(Applier applier, const std::vector<ConfigFile>& files) {
  const PersistedValue value = Persisted(applier, files).ValueOf(kKey);
  return value.winner ? value.winner->value : "unchanged";
}

void ExpectBoth(const std::vector<ConfigFile>& files, const std::string& expected) {
  EXPECT_EQ(ValueAt(Applier::kSystemd, files), expected);
  EXPECT_EQ(ValueAt(Applier::kProcps, files), expected);
}

std::string Set(int value) { return absl::StrCat("net.ipv4.tcp_fin_timeout=", value, "\n"); }

TEST(Persisted, NamesOrderBeforeDirectories) {
  ExpectBoth(
      {File("/etc/sysctl.d/10-a.conf", Set(11)), File("/usr/lib/sysctl.d/90-b.conf", Set(12))},
      "12");
  ExpectBoth({File("/etc/sysctl.d/9-a.conf", Set(11)), File("/etc/sysctl.d/10-a.conf", Set(12))},
             "11");
}

TEST(Persisted, OneFileHidesItsNameInLaterDirectories) {
  ExpectBoth(
      {File("/usr/lib/sysctl.d/50-a.conf", Set(12)), File("/etc/sysctl.d/50-a.conf", Set(11))},
      "11");
  ExpectBoth({File("/run/sysctl.d/50-a.conf", Set(11)), File("/etc/sysctl.d/50-a.conf", Set(12))},
             "12");
  ExpectBoth({File("/etc/sysctl.d/50-x.conf", ""), File("/usr/lib/sysctl.d/50-x.conf", Set(27))},
             "unchanged");
}

TEST(Persisted, OnlyProcpsReadsSysctlConf) {
  const std::vector<ConfigFile> files = {File("/etc/sysctl.d/99-a.conf", Set(11)),
                                         File(kLastFile, Set(13))};
  EXPECT_EQ(ValueAt(Applier::kSystemd, files), "11");
  EXPECT_EQ(ValueAt(Applier::kProcps, files), "13");
}

TEST(Persisted, OtherNamesAreNotRead) {
  ExpectBoth({File("/etc/sysctl.d/a.conf.bak", Set(11)), File("/etc/sysctl.d/a", Set(12))},
             "unchanged");
}

TEST(Persisted, OnlyProcpsReadsHiddenFiles) {
  const std::vector<ConfigFile> files = {File("/etc/sysctl.d/.a.conf", Set(11))};
  EXPECT_EQ(ValueAt(Applier::kSystemd, files), "unchanged");
  EXPECT_EQ(ValueAt(Applier::kProcps, files), "11");
}

TEST(Persisted, LinesMayBeWrittenInManyWays) {
  for (const char* text :
       {"net/ipv4/tcp_fin_timeout=21", " net.ipv4.tcp_fin_timeout = 21 ",
        "net.ipv4.tcp_fin_timeout=21\r\n", "-net.ipv4.tcp_fin_timeout = 21",
        "net.ipv4.tcp_fin_tim*=21", "# comment\n;comment\n\nnet.ipv4.tcp_fin_timeout\t=\t21"}) {
    SCOPED_TRACE(text);
    ExpectBoth({File("/etc/sysctl.d/a.conf", text)}, "21");
  }
}

TEST(Persisted, KeysThatAreNamedAreOutOfReachForPatterns) {
  ExpectBoth(
      {File("/etc/sysctl.d/a.conf", "net.ipv4.tcp_fin_tim*=24\n-net.ipv4.tcp_fin_timeout\n")},
      "unchanged");
  ExpectBoth({File("/etc/sysctl.d/10-a.conf", Set(25)),
              File("/etc/sysctl.d/20-b.conf", "net.ipv4.tcp_fin*=26\n")},
             "25");
}

TEST(Persisted, EmptyValuesChangeNothing) {
  ExpectBoth({File("/etc/sysctl.d/a.conf", "net.ipv4.tcp_fin_timeout=\n")}, "unchanged");
  // systemd keeps the last line of a name, procps writes all of them.
  const std::vector<ConfigFile> files = {
      File("/etc/sysctl.d/a.conf", Set(11) + "net.ipv4.tcp_fin_timeout=\n")};
  EXPECT_EQ(ValueAt(Applier::kSystemd, files), "unchanged");
  EXPECT_EQ(ValueAt(Applier::kProcps, files), "11");
}

TEST(Persisted, SaysWhichLineDecidesAndWhichDoNot) {
  const std::vector<ConfigFile> files = {File("/usr/lib/sysctl.d/10-a.conf", Set(11)),
                                         File("/etc/sysctl.d/20-b.conf", "# mine\n" + Set(12)),
                                         File("/etc/sysctl.d/30-c.conf", "net.ipv4.tcp_*=13\n")};
  for (const Applier applier : {Applier::kSystemd, Applier::kProcps}) {
    const PersistedValue value = Persisted(applier, files).ValueOf(kKey);
    ASSERT_TRUE(value.winner.has_value());
    EXPECT_EQ(value.winner->file, "/etc/sysctl.d/20-b.conf");
    EXPECT_EQ(value.winner->line, 2u);
    EXPECT_THAT(value.losers,
                ElementsAre(Field(&Setting::value, "11"), Field(&Setting::value, "13")));
    EXPECT_EQ(value.losers.back().pattern, "net.ipv4.tcp_*");
  }
}

TEST(Persisted, SaysWhichLinesAreIgnored) {
  const std::vector<ConfigFile> files = {
      File("/etc/sysctl.d/a.conf", "net.ipv4.tcp_fin_timeout 30\n" + Set(5) + "-net.ipv4.*\n")};
  const Persisted persisted(Applier::kSystemd, files);
  ASSERT_THAT(persisted.problems(), SizeIs(2));
  EXPECT_EQ(persisted.problems()[0].line, 1u);
  EXPECT_EQ(persisted.problems()[1].line, 3u);
}

TEST(Persisted, ReadsABoundedNumberOfLines) {
  std::string text;
  for (size_t i = 0; i < kMostLines; ++i) absl::StrAppend(&text, "net.ipv4.k", i, "=1\n");
  const Persisted persisted(Applier::kSystemd,
                            std::vector<ConfigFile>{File("/etc/sysctl.d/a.conf", text + Set(1))});
  EXPECT_THAT(persisted.problems(), SizeIs(1));
  EXPECT_FALSE(persisted.ValueOf(kKey).winner.has_value());
}

TEST(Persisted, HasNothingToSayOfKeysNobodySets) {
  const PersistedValue value = Persisted(Applier::kProcps, {}).ValueOf(kKey);
  EXPECT_FALSE(value.winner.has_value());
  EXPECT_THAT(value.losers, IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::sysctl
