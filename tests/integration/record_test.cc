// `tcpfleet record` and `tcpfleet export` with real agents.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <csignal>

#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_client.h"
#include "tests/support/plain_server.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class RecordTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    web_ = AddAgent("web1").host;
    AddAgent("web2");
    plain_ = &AddHost("plain");
    server_ =
        PlainServer::Create(PlainServer::Behaviour::kEcho, {plain_->ipv4(), 0}, &plain_->network())
            .value();
    client_ = ConnectTo(server_->endpoint(), &web_->network()).value();
    path_ = absl::StrCat(directory_->path(), "/web.tfr");
  }
  RunningProgram StartRecording(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"record", "--to", path_, "--interval", "100ms"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return StartController(std::move(arguments));
  }
  // Of the connection to the plain host. Also reads what is still being recorded.
  CommandResult Export(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"export", path_, "dst", plain_->ipv4().ToString()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Controller(std::move(arguments));
  }
  bool IsRecorded(const std::string& text) {
    return EventuallyTrue([&] { return absl::StrContains(Export({"--format", "csv"}).out, text); });
  }
  int Interrupt(RunningProgram& recorder) {
    recorder.process.Signal(SIGINT);
    return recorder.process.Wait();
  }

  Host* web_ = nullptr;
  Host* plain_ = nullptr;
  std::unique_ptr<PlainServer> server_;
  sys::UniqueFd client_;
  std::string path_;
};

TEST_F(RecordTest, KeepsTheLifeOfAConnectionForExport) {
  RunningProgram recorder = StartRecording();
  ASSERT_TRUE(IsRecorded(server_->endpoint().ToString())) << recorder.err.Text();
  ASSERT_TRUE(Exchange(client_.get(), 5000).ok());
  ASSERT_TRUE(IsRecorded(",change,")) << recorder.err.Text();
  client_.Reset();
  ASSERT_TRUE(IsRecorded(",close,")) << recorder.err.Text();
  EXPECT_EQ(Interrupt(recorder), 0);
  EXPECT_THAT(recorder.err.Text(), AllOf(HasSubstr("of 2 hosts"), HasSubstr(path_)));

  const CommandResult exported = Export({"--fields", "bytes_acked"});
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_EQ(exported.err, "");
  std::vector<std::string> events;
  uint64_t acked = 0;
  for (const absl::string_view line : absl::StrSplit(exported.out, '\n', absl::SkipEmpty())) {
    v1::ConnectionRecord record;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(std::string(line), &record).ok());
    EXPECT_EQ(record.agent(), "web1");
    EXPECT_EQ(record.peer(), server_->endpoint().ToString());
    events.push_back(record.event());
    acked = std::max(acked, record.fields().at("bytes_acked"));
  }
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events.front(), "present");
  EXPECT_EQ(events.back(), "close");
  EXPECT_GE(acked, 5000u);
}

TEST_F(RecordTest, LeavesAReadableFileWhenItIsKilled) {
  RunningProgram recorder = StartRecording();
  ASSERT_TRUE(IsRecorded(server_->endpoint().ToString())) << recorder.err.Text();
  recorder.process.Signal(SIGKILL);
  recorder.process.Wait();
  const CommandResult exported = Controller({"export", path_, "--format", "csv"});
  EXPECT_EQ(exported.exit_code, 0);
  EXPECT_THAT(exported.out, HasSubstr(server_->endpoint().ToString()));
  EXPECT_THAT(exported.err, HasSubstr("not finished"));
}

TEST_F(RecordTest, RotatesAndKeepsTheNewestParts) {
  RunningProgram recorder = StartRecording({"--rotate-every", "1s", "--keep", "2"});
  ASSERT_TRUE(EventuallyTrue(
      [&] { return sys::ReadFile(absl::StrCat(directory_->path(), "/web.000003.tfr")).ok(); }));
  EXPECT_EQ(Interrupt(recorder), 0);
  EXPECT_FALSE(sys::ReadFile(absl::StrCat(directory_->path(), "/web.000001.tfr")).ok());
  const CommandResult exported = Controller({"export", path_, "--format", "csv"});
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_THAT(exported.out, HasSubstr(server_->endpoint().ToString()));
}

TEST_F(RecordTest, StopsWhenTheDiskIsFull) {
  const std::string script =
      absl::StrCat("mount -t tmpfs -o size=8k small ", directory_->path(), " && ", TCPFLEET_PROGRAM,
                   " --agents ", agent("web1").address, ",", agent("web2").address,
                   " record --interval 100ms --for 60s --to ", path_, "; echo exit $?; exec ",
                   TCPFLEET_PROGRAM, " export --format csv ", path_);
  const CommandResult result =
      console_->Command({"unshare", "--mount", "sh", "-c", script}).value();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("exit 5\n"), HasSubstr(server_->endpoint().ToString())));
  EXPECT_THAT(result.err, AllOf(HasSubstr("recording stopped: " + path_),
                                HasSubstr("No space left on device")));
}

TEST_F(RecordTest, NamesTheAgentThatDoesNotAnswer) {
  TestAgent& gone = agent("web2");
  gone.program.process.Signal(SIGKILL);
  gone.program.process.Wait();
  const CommandResult result = Controller({"record", "--to", path_, "--for", "1s"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("web2: unreachable"));
  EXPECT_THAT(Controller({"export", path_, "--format", "csv"}).out, HasSubstr("web1"));
}

}  // namespace
}  // namespace tcpfleet::tests
