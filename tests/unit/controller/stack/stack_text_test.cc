#include "controller/stack/stack_text.h"

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>

#include <sstream>

#include "controller/cli/text.h"
#include "tests/support/golden.h"
#include "tests/unit/controller/stack/hosts.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::ExpectGolden;
using ::testing::HasSubstr;
using ::testing::Not;

std::string TextOf(const v1::StackHost& host, int width = 0) {
  std::ostringstream out;
  PrintStackHost(out, host, {.width = width});
  return out.str();
}

v1::StackHost HostWithInterval() {
  v1::StackHost host = BusyHost();
  *host.mutable_last() = LaterSnapshot();
  return host;
}

TEST(StackText, ShowsAHostOnce) { ExpectGolden("once.txt", TextOf(BusyHost())); }

TEST(StackText, ShowsWhatMovedInAnInterval) {
  ExpectGolden("interval.txt", TextOf(HostWithInterval()));
}

TEST(StackText, SaysWhatIsUnknownAndWhy) { ExpectGolden("unknown.txt", TextOf(MuteHost())); }

TEST(StackText, FitsItsTerminal) {
  for (const v1::StackHost& host : {BusyHost(), HostWithInterval(), MuteHost()}) {
    const std::string text = TextOf(host, 80);
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      EXPECT_LE(DisplayWidth(line), 80) << line;
    }
  }
  ExpectGolden("once_80.txt", TextOf(BusyHost(), 80));
}

TEST(StackText, GivesNoRatesOverAReboot) {
  v1::StackHost host = HostWithInterval();
  host.mutable_last()->set_boot_id("other");
  EXPECT_THAT(TextOf(host), HasSubstr("no rates  <- the host was rebooted in between"));
  EXPECT_THAT(TextOf(host), Not(HasSubstr("PER SECOND")));
}

TEST(StackText, GivesNoRatesOfANamespaceThatWasNotThere) {
  v1::StackHost host = HostWithInterval();
  host.mutable_last()->mutable_namespaces(0)->set_network_namespace(1);
  EXPECT_THAT(TextOf(host), Not(HasSubstr("PER SECOND")));
}

TEST(StackText, GivesNoRateOfACounterThatWentBack) {
  const std::string text = TextOf(HostWithInterval());
  EXPECT_THAT(text, HasSubstr("went back from 18 to 3"));
}

TEST(StackText, MarksAQueueOnlyWhenItIsFull) {
  for (const auto& [waiting, full] : {std::pair(128, false), std::pair(129, true)}) {
    v1::StackHost host = MuteHost();
    AddListener(*host.mutable_first()->mutable_namespaces(0)->mutable_sockets(), "0.0.0.0", 80,
                static_cast<uint32_t>(waiting), 128);
    EXPECT_EQ(TextOf(host).find("full at backlog + 1 = 129") != std::string::npos, full) << waiting;
  }
}

TEST(StackText, MarksPortsFromSevenTenthsOn) {
  for (const auto& [used, marked] : {std::pair(19'762, false), std::pair(19'763, true)}) {
    v1::StackHost host = MuteHost();
    AddPortUse(*host.mutable_first()->mutable_namespaces(0)->mutable_sockets(), "10.0.0.9",
               static_cast<uint32_t>(used));
    EXPECT_EQ(TextOf(host).find("running out") != std::string::npos, marked) << used;
  }
}

TEST(StackText, NamesNamespacesWhenThereAreSeveral) {
  v1::StackHost host = BusyHost();
  v1::NamespaceStatistics& blue = *host.mutable_first()->add_namespaces();
  blue.set_network_namespace(42);
  blue.set_name("blue");
  EXPECT_THAT(TextOf(host), HasSubstr("web1, network namespace blue, inode 42"));
}

TEST(StackText, LetsNobodySteerTheTerminal) {
  v1::StackHost host = BusyHost();
  host.set_name("web\x1b[2J");
  v1::NamespaceStatistics& own = *host.mutable_first()->mutable_namespaces(0);
  own.mutable_interfaces(0)->set_name("eth\x1b[2J");
  own.mutable_sockets()->mutable_listeners(0)->mutable_owner()->set_comm("ng\x1b[2Jx");
  host.mutable_first()->add_missing()->set_why("a\nb\x1b[2J");
  const std::string text = TextOf(host);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, Not(HasSubstr("\nb")));
}

}  // namespace
}  // namespace tcpfleet::controller
