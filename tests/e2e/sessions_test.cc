// Types the transcripts of sessions/ and compares what comes back.
#include <absl/strings/str_replace.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "common/sys/file.h"
#include "tests/e2e/transcript.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {
namespace {

class Session : public ::testing::TestWithParam<std::string> {
 protected:
  // One command, typed by somebody with an empty home and no settings.
  std::string Type(const std::string& command) const {
    sys::ChildProcess::Options options;
    options.arguments = {"/bin/sh", "-c", command};
    const std::string programs =
        std::filesystem::path(TCPFLEET_PROGRAM).parent_path().string() + ":" +
        std::filesystem::path(TCPFLEET_AGENT_PROGRAM).parent_path().string();
    options.environment = {"HOME=" + home_->path(), "XDG_CONFIG_HOME=" + home_->path(),
                           "PATH=" + programs + ":/usr/sbin:/usr/bin:/sbin:/bin", "COLUMNS=100"};
    return Shown(RunCommand(options, absl::Seconds(30)), home_->path());
  }

  absl::StatusOr<sys::TemporaryDirectory> home_ = sys::TemporaryDirectory::Create("tcpfleet-e2e");
};

TEST_P(Session, ReadsAsWritten) {
  ExpectSession(std::string(TCPFLEET_SESSIONS) + "/" + GetParam() + ".txt",
                [this](const std::string& command) { return Type(command); });
}

INSTANTIATE_TEST_SUITE_P(E2e, Session, ::testing::ValuesIn(SessionNames(TCPFLEET_SESSIONS)),
                         [](const auto& name) {
                           return absl::StrReplaceAll(name.param, {{"-", "_"}});
                         });

}  // namespace
}  // namespace tcpfleet::tests
