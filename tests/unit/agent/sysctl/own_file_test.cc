#include "agent/sysctl/own_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

constexpr char kPath[] = "/etc/sysctl.d/95-tcpfleet.conf";
constexpr char kKey[] = "net/core/somaxconn";

OwnSettings SomeSettings() {
  return {{"net/ipv4/conf/eth0.100/rp_filter", "2"},
          {"net/ipv4/ip_forward", "1"},
          {"net/ipv4/tcp_rmem", "4096 131072 33554432"},
          {kKey, "4096"}};
}

TEST(OwnFile, ReadsWhatItWrote) {
  const std::string text = RenderOwnFile(SomeSettings());
  EXPECT_THAT(ParseOwnFile(kPath, text), IsOkAndHolds(SomeSettings()));
  EXPECT_THAT(ParseOwnFile(kPath, ""), IsOkAndHolds(OwnSettings()));
  EXPECT_THAT(text, HasSubstr("\nnet.ipv4.conf.eth0/100.rp_filter = 2\n"));
  EXPECT_LT(text.find("ip_forward"), text.find("rp_filter")) << "it resets others";
}

TEST(OwnFile, RefusesLinesOfOthers) {
  const std::string text = RenderOwnFile({{kKey, "4096"}});
  for (const char* line :
       {"# mine", "net.core.somaxconn=4096", "net.core.somaxconn = 4096", "net.core.* = 1",
        "net.core.rmem_max = 010", "net.core.rmem_max = ", "-net.core.rmem_max = 1", "junk",
        "net.core.rmem_max = 1\r", " net.core.rmem_max = 1", "net/core/rmem_max = 1"}) {
    EXPECT_THAT(ParseOwnFile(kPath, text + line + "\n"),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("/etc/sysctl.d/95-tcpfleet.conf:4: ")))
        << line;
  }
}

TEST(OwnFile, StandsWhereBothProgramsReadIt) {
  EXPECT_THAT(CheckOwnFilePath(kPath), IsOk());
  EXPECT_THAT(CheckOwnFilePath("/run/sysctl.d/x.conf"), IsOk());
  for (const char* path : {"", "x.conf", "/etc/sysctl.conf", "/etc/sysctl.d/x", "/tmp/x.conf",
                           "/etc/sysctl.d/../x.conf"}) {
    EXPECT_THAT(CheckOwnFilePath(path), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
  }
}

std::optional<sysctl::Setting> Overruled(const std::vector<sysctl::ConfigFile>& others) {
  return OwnFileProof(kPath, RenderOwnFile({{kKey, "4096"}}), others).OverruledBy(kKey);
}

TEST(OwnFileProof, IsWonAgainstEarlierFiles) {
  EXPECT_FALSE(Overruled({}));
  EXPECT_FALSE(Overruled({{.path = "/usr/lib/sysctl.d/50-x.conf", .text = "net.core.somaxconn=1\n"},
                          {.path = kPath, .text = "net.core.somaxconn = 5\n"},
                          {.path = "/etc/sysctl.d/99-x.conf", .text = "net.core.rmem_max=1\n"}}));
}

TEST(OwnFileProof, NamesTheLineThatWins) {
  const auto later =
      Overruled({{.path = "/usr/lib/sysctl.d/99-x.conf", .text = "\nnet.core.somaxconn=128\n"}});
  ASSERT_TRUE(later);
  EXPECT_EQ(later->file, "/usr/lib/sysctl.d/99-x.conf");
  EXPECT_EQ(later->line, 2u);
  // procps alone reads this one.
  const auto last = Overruled({{.path = "/etc/sysctl.conf", .text = "net.core.somaxconn = 128\n"}});
  ASSERT_TRUE(last);
  EXPECT_EQ(last->file, "/etc/sysctl.conf");
}

TEST(OwnFileProof, SeesThatOursIsHidden) {
  const std::vector<sysctl::ConfigFile> others = {{.path = kPath, .text = ""}};
  const OwnFileProof proof("/usr/lib/sysctl.d/95-tcpfleet.conf", RenderOwnFile({{kKey, "4096"}}),
                           others);
  const auto hidden = proof.OverruledBy(kKey);
  ASSERT_TRUE(hidden);
  EXPECT_EQ(hidden->file, "");
}

}  // namespace
}  // namespace tcpfleet::agent
