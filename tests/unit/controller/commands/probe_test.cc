#include "controller/commands/probe.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "tests/unit/controller/commands/command_run.h"
#include "tests/unit/controller/probe/probe_samples.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::Resolved;
using tests::Tried;
using tests::Unresolved;

// As many agents as outcomes, each with a single try.
FakeFleet FleetThatTries(const std::vector<std::string>& outcomes) {
  FakeFleet fake(outcomes.size());
  for (size_t i = 0; i < outcomes.size(); ++i) {
    fake.clients[i]->probe = [outcome = outcomes[i]](const auto&, const auto& on_message) {
      if (outcome.empty()) return absl::UnavailableError("Connection refused");
      on_message(Resolved({"10.0.0.5"}));
      on_message(Tried("10.0.0.5", 1, outcome));
      return absl::OkStatus();
    };
  }
  return fake;
}

TEST(ProbeCommand, ExitsWithWhatBecameOfTheTries) {
  struct Case {
    std::vector<std::string> outcomes;
    ExitCode exit_code;
  };
  for (const Case& one :
       {Case{{"connected", "connected"}, kOk}, Case{{"connected", "refused"}, kCheckFailed},
        Case{{"connected", ""}, kPartial}, Case{{"refused", ""}, kPartial}}) {
    FakeFleet fake = FleetThatTries(one.outcomes);
    EXPECT_EQ(RunOn(fake, {"probe", "10.0.0.5:80", "--count", "1"}).exit_code, one.exit_code);
  }
}

TEST(ProbeCommand, FailsWhenANameDoesNotResolve) {
  FakeFleet fake(1);
  fake.clients[0]->probe = [](const auto&, const auto& on_message) {
    on_message(Unresolved("no such name"));
    return absl::OkStatus();
  };
  const CommandRun run = RunOn(fake, {"probe", "db1:80"});
  EXPECT_EQ(run.exit_code, kCheckFailed);
  EXPECT_THAT(run.out, HasSubstr("the name does not resolve here: no such name"));
}

TEST(ProbeCommand, PrintsWhatItIsAskedFor) {
  const std::vector<std::string> outcomes = {"connected", "refused"};
  FakeFleet table = FleetThatTries(outcomes);
  EXPECT_THAT(RunOn(table, {"probe", "10.0.0.5:80", "--count", "1"}).out,
              HasSubstr("10.0.0.5:80 from 2 hosts: 1 connected every time, 1 did not\n"));
  FakeFleet json = FleetThatTries(outcomes);
  v1::ProbeReport report;
  const std::string text =
      RunOn(json, {"--output", "json", "probe", "10.0.0.5:80", "--count", "1"}).out;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(text, &report).ok()) << text;
  EXPECT_EQ(report.paths_size(), 2);
  FakeFleet lines = FleetThatTries(outcomes);
  const std::string jsonl =
      RunOn(lines, {"--output", "jsonl", "probe", "10.0.0.5:80", "--count", "1"}).out;
  EXPECT_EQ(std::count(jsonl.begin(), jsonl.end(), '\n'), 2);
  v1::ProbePath first;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(jsonl.substr(0, jsonl.find('\n')), &first).ok());
  EXPECT_EQ(first.agent(), "a1");
  FakeFleet rows = FleetThatTries(outcomes);
  const std::string csv =
      RunOn(rows, {"--output", "csv", "probe", "10.0.0.5:80", "--count", "1"}).out;
  EXPECT_EQ(csv.find("agent,address,number,outcome,"), 0U);
  EXPECT_THAT(csv, HasSubstr("\r\na2,10.0.0.5,1,refused,200.000,"));
}

TEST(ProbeCommand, RefusesWhatCannotBe) {
  struct Case {
    std::vector<std::string> words;
    const char* mistake;
  };
  for (const Case& one :
       {Case{{"probe"}, "TARGET is required"},
        Case{{"probe", "db1"}, "TARGET: 'db1' is not HOST:PORT"},
        Case{{"probe", "db1:80", "--count", "0"}, "--count: '0' is out of range"},
        Case{{"probe", "db1:80", "--interval", "2m"}, "--interval: '2m' is out of range"},
        Case{{"probe", "db1:80", "--connect-timeout", "0"}, "--connect-timeout: '0' is out of"},
        Case{{"probe", "10.0.0.5:80", "-6"}, "10.0.0.5 is an IPv4 address: leave out -6"},
        Case{{"probe", "[::1]:80", "-4"}, "::1 is an IPv6 address: leave out -4"},
        Case{{"probe", "db1:80", "-4", "-6"}, "excludes"},
        Case{{"probe", "db1:80", "--count", "1000", "--interval", "10s"},
             "so many tries may take 2h46m40s, more than 1h: lower --count"}}) {
    FakeFleet fake(1);
    const CommandRun run = RunOn(fake, one.words);
    EXPECT_EQ(run.exit_code, kUsage);
    EXPECT_THAT(run.err, HasSubstr(one.mistake));
  }
}

}  // namespace
}  // namespace tcpfleet::controller
