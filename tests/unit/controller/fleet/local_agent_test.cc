#include "controller/fleet/local_agent.h"

#include <sys/stat.h>

#include <filesystem>

#include "common/base/clock.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A shell script that plays the agent.
class Script {
 public:
  explicit Script(const std::string& body)
      : directory_(*sys::TemporaryDirectory::Create("script")) {
    EXPECT_THAT(sys::WriteFile(path(), "#!/bin/sh\n" + body), IsOk());
    EXPECT_EQ(::chmod(path().c_str(), 0700), 0);
  }
  std::string path() const { return directory_.path() + "/agent"; }
  std::string file(const std::string& name) const { return directory_.path() + "/" + name; }

 private:
  sys::TemporaryDirectory directory_;
};

TEST(LocalAgent, StartsWithASocketInAPrivateDirectory) {
  const Script script("echo \"$@\" > \"$(dirname \"$0\")/arguments\"; echo ready; cat\n");
  const auto agent = LocalAgent::Start(script.path());
  ASSERT_THAT(agent, IsOk());
  EXPECT_EQ((*agent)->target().name, "local");
  const std::string arguments = sys::ReadFile(script.file("arguments")).value_or("none");
  EXPECT_THAT(arguments, StartsWith("--listen " + (*agent)->target().address +
                                    " --exit-on-stdin-close --name local --log-level warn"));
  // Where there is no home there is no place to keep changes, and none are allowed.
  EXPECT_EQ(arguments.find("--allow-sysctl default") == std::string::npos,
            arguments.find("/tcpfleet\n") == std::string::npos);
}

TEST(LocalAgent, EndsTheAgentThroughItsStandardInput) {
  const Script script("echo ready; cat; echo ended > \"$(dirname \"$0\")/ended\"\n");
  std::string socket;
  {
    const auto agent = LocalAgent::Start(script.path());
    ASSERT_THAT(agent, IsOk());
    socket = (*agent)->target().address.substr(5);
  }
  EXPECT_THAT(sys::ReadFile(script.file("ended")), IsOk());
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(socket).parent_path()));
}

TEST(LocalAgent, ShowsWhatAnAgentThatDiesEarlySaid) {
  const Script script("echo 'cannot bind' >&2; exit 3\n");
  EXPECT_THAT(LocalAgent::Start(script.path()),
              StatusIs(absl::StatusCode::kUnavailable,
                       "the private agent ended with exit code 3; it said: cannot bind"));
}

TEST(LocalAgent, GivesUpOnAnAgentThatDoesNotGetReady) {
  const Script script("cat\n");
  EXPECT_THAT(LocalAgent::Start(script.path(), absl::Milliseconds(50)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("did not get ready")));
}

TEST(LocalAgent, RefusesAnotherProgram) {
  const Script script("echo hello; cat\n");
  EXPECT_THAT(
      LocalAgent::Start(script.path()),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("is no tcpfleet-agent: it said 'hello'")));
}

TEST(LocalAgent, SaysWhatToDoWithoutAnAgentProgram) {
  EXPECT_THAT(LocalAgent::Start("/nonexistent/tcpfleet-agent"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("set TCPFLEET_AGENT to its path")));
}

}  // namespace
}  // namespace tcpfleet::controller
