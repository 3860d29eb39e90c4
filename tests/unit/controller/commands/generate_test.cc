#include "controller/commands/generate.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/controller/commands/command_run.h"

namespace tcpfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

CommandRun Generate(const std::vector<std::string>& words) {
  FakeFleet fake(1);
  return RunOn(fake, words);
}

TEST(GenerateCommand, NeedsNoFleetForBackEndsThatAreGiven) {
  FakeFleet fake(1);
  fake.clients[0]->describe = [] {
    ADD_FAILURE() << "asked an agent";
    return v1::DescribeResponse();
  };
  const CommandRun run = RunOn(
      fake, {"generate", "haproxy", "--backends", "web[1-2]:8080", "--listen", "127.0.0.1:80"});
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("bind 127.0.0.1:80 backlog 4096"),
                             HasSubstr("server s2 web2:8080 check")));
  EXPECT_THAT(Generate({"generate", "nginx", "--backends", "web1:8080"}).out,
              HasSubstr("proxy_http_version 1.1;"));
}

TEST(GenerateCommand, RefusesAMistakeInOneLine) {
  const std::vector<std::vector<std::string>> mistakes = {
      {"generate"},
      {"generate", "apache"},
      {"generate", "haproxy"},
      {"generate", "haproxy", "--backends", "web1"},
      {"generate", "haproxy", "--backends", "a:1\nglobal"},
      {"generate", "haproxy", "--backends", "a:1", "--from-fleet", "sport = :1"},
      {"generate", "haproxy", "--from-fleet", "sport =", "--listen", ":80"},
      {"generate", "nginx", "--backends", "a:1", "--listen", ":80; include x"},
      {"generate", "nginx", "--backends", "a:1", "--check", "/{"},
      {"generate", "nginx", "--backends", "a:1", "--backend-keepalive", "1s"},
      {"generate", "nginx", "--backends", "a:1", "--proxies", "nobody"},
      {"generate", "nginx", "--backends", "a:1", "--output", "json"},
      {"generate", "sysctl", "--profile", "producton"},
  };
  for (const std::vector<std::string>& words : mistakes) {
    const CommandRun run = Generate(words);
    EXPECT_EQ(run.exit_code, kUsage) << words.back() << "\n" << run.err;
    EXPECT_EQ(run.out, "") << words.back();
    EXPECT_LE(std::count(run.err.begin(), run.err.end(), '\n'), 2) << run.err;
  }
}

TEST(GenerateCommand, SaysThatNothingWasFound) {
  const CommandRun run = Generate({"generate", "haproxy", "--from-fleet", "sport = :8080"});
  EXPECT_EQ(run.exit_code, kRefused);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("no listener matches"));
}

TEST(GenerateCommand, WritesAProfileForTheHosts) {
  FakeFleet fake(1);
  fake.clients[0]->read_sysctls = [](const auto&, const auto& on_message) {
    v1::ReadSysctlsResponse response;
    v1::Sysctl& sysctl = *response.add_sysctls();
    sysctl.set_key("net/core/somaxconn");
    sysctl.set_value("128");
    on_message(std::move(response));
    return absl::OkStatus();
  };
  const CommandRun run = RunOn(fake, {"generate", "sysctl", "--profile", "modern"});
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("# profile modern for a1\n"),
                             HasSubstr("\nnet.core.somaxconn = 4096\n")));
}

}  // namespace
}  // namespace tcpfleet::controller
