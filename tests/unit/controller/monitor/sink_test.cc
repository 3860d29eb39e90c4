#include "controller/monitor/sink.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/sys/file.h"
#include "controller/monitor/time_proto.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/monitor/http_stub.h"
#include "tests/unit/controller/monitor/sleepless_clock.h"

namespace tcpfleet::controller {
namespace {

using testing::HasSubstr;
using tests::EventuallyTrue;
using tests::IsOk;
using tests::StatusIs;

v1::AlertNotification Fired(const std::string& subject, const std::string& severity = "warn") {
  v1::AlertNotification notification;
  notification.set_event("fired");
  *notification.mutable_time() = ToTimestamp(absl::FromUnixSeconds(1'700'000'000));
  v1::Alert& alert = *notification.mutable_alert();
  alert.set_host("web1");
  alert.set_rule("connections");
  alert.set_subject(subject);
  alert.set_severity(severity);
  alert.set_notified_severity(severity);
  *alert.mutable_fired_at() = notification.time();
  return notification;
}

WebhookSinkOptions WebhookTo(const HttpUrl& url) {
  WebhookSinkOptions options;
  options.url = url;
  return options;
}

class SinkTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }
  std::unique_ptr<AlertSink> Open(SinkOptions options) {
    auto sink = OpenSink(options, clock_);
    EXPECT_THAT(sink, IsOk());
    return sink.ok() ? *std::move(sink) : nullptr;
  }
  std::unique_ptr<AlertSink> Command(const std::string& script,
                                     absl::Duration timeout = absl::Seconds(20)) {
    return Open({.kind = CommandSinkOptions{.run = {"sh", "-c", script}, .timeout = timeout}});
  }

  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test");
  base::SystemClock clock_;
};

TEST_F(SinkTest, JsonlIsOneLinePerNotificationAndGrows) {
  const std::string path = Path("alerts.jsonl");
  for (const char* subject : {"a", "b\n"}) {
    auto sink = Open({.kind = JsonlSinkOptions{path}});
    sink->Notify(Fired(subject));
    EXPECT_EQ(sink->status().delivered(), 1u);
    EXPECT_EQ(sink->status().name(), "jsonl " + path);
  }
  const std::string text = *sys::ReadFile(path);
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  v1::AlertNotification second;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(text.substr(text.find('\n') + 1), &second).ok());
  EXPECT_EQ(second.alert().subject(), "b\n");
}

TEST_F(SinkTest, JsonlClosesTheLineOfADeadWriter) {
  const std::string path = Path("alerts.jsonl");
  ASSERT_THAT(sys::WriteFile(path, "{\"event\":\"fir"), IsOk());
  Open({.kind = JsonlSinkOptions{path}})->Notify(Fired("a"));
  const std::string text = *sys::ReadFile(path);
  EXPECT_THAT(text, HasSubstr("{\"event\":\"fir\n{"));
  EXPECT_EQ(text.back(), '\n');
}

TEST_F(SinkTest, JsonlSaysWhatItCannotWrite) {
  EXPECT_THAT(OpenSink({.kind = JsonlSinkOptions{directory_->path()}}, clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  const auto first = Open({.kind = JsonlSinkOptions{Path("x")}});
  EXPECT_THAT(OpenSink({.kind = JsonlSinkOptions{Path("x")}}, clock_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("somebody else")));
}

TEST_F(SinkTest, CommandGetsJsonOnStdinInOrder) {
  const auto sink = Command("cat >> " + Path("out") + "; echo talk");
  for (const char* subject : {"a", "b", "c"}) sink->Notify(Fired(subject));
  ASSERT_TRUE(EventuallyTrue([&] { return sink->status().delivered() == 3; }));
  const std::string text = *sys::ReadFile(Path("out"));
  EXPECT_LT(text.find("\"subject\":\"a\""), text.find("\"subject\":\"b\""));
  EXPECT_LT(text.find("\"subject\":\"b\""), text.find("\"subject\":\"c\""));
}

TEST_F(SinkTest, CommandThatFailsIsNotRunAgain) {
  const auto sink = Command("echo x >> " + Path("out") + "; echo 'no pager' >&2; exit 3");
  sink->Notify(Fired("a"));
  ASSERT_TRUE(EventuallyTrue([&] { return sink->status().failed() == 1; }));
  EXPECT_EQ(sink->status().last_error(), "exit code 3: no pager");
  EXPECT_EQ(*sys::ReadFile(Path("out")), "x\n");
}

TEST_F(SinkTest, CommandIsKilledWithItsChildren) {
  const auto sink =
      Command("sleep 1000 & echo $! > " + Path("pid") + "; wait", absl::Milliseconds(300));
  sink->Notify(Fired("a"));
  ASSERT_TRUE(EventuallyTrue([&] { return sink->status().failed() == 1; }));
  EXPECT_THAT(sink->status().last_error(), HasSubstr("killed after 300ms"));
  const int pid = std::stoi(*sys::ReadFile(Path("pid")));
  // Nobody reaps the orphan at once: a zombie is dead too.
  EXPECT_TRUE(EventuallyTrue([&] {
    const auto stat = sys::ReadFile("/proc/" + std::to_string(pid) + "/stat");
    return !stat.ok() || stat->find(") Z ") != std::string::npos;
  }));
}

TEST_F(SinkTest, CommandThatIsNotThereFails) {
  const auto sink = Open({.kind = CommandSinkOptions{.run = {"/nowhere/page"}}});
  sink->Notify(Fired("a"));
  ASSERT_TRUE(EventuallyTrue([&] { return sink->status().failed() == 1; }));
  EXPECT_THAT(sink->status().last_error(), HasSubstr("/nowhere/page"));
}

TEST_F(SinkTest, WebhookPostsTriesAgainAndRefreshes) {
  SleeplessClock clock;
  std::atomic<int> refused{2};
  HttpStub server([&](const auto&) {
    return HttpStub::Answer{.status = refused-- > 0 ? 503u : 200u, .body = "later", .raw = ""};
  });
  auto sink = OpenSink({.kind = WebhookTo(server.url())}, clock);
  ASSERT_THAT(sink, IsOk());
  (*sink)->Notify(Fired("a"));
  ASSERT_TRUE(EventuallyTrue([&] { return (*sink)->status().delivered() == 1; }));
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.requests()[2].target(), "/api/v2/alerts");
  EXPECT_THAT(server.requests()[2].body(), HasSubstr("\"alertname\":\"connections\""));

  const v1::Alert told = Fired("refreshed").alert();
  (*sink)->Refresh({told});
  ASSERT_TRUE(EventuallyTrue([&] { return server.requests().size() == 4; }));
  EXPECT_THAT(server.requests()[3].body(), HasSubstr("refreshed"));
  (*sink)->Refresh({told});  // not due
  clock.Advance(absl::Minutes(1));
  (*sink)->Refresh({told});
  ASSERT_TRUE(EventuallyTrue([&] { return server.requests().size() == 5; }));
  EXPECT_EQ((*sink)->status().delivered(), 1u);
}

TEST_F(SinkTest, WebhookGivesUpWhatIsRefused) {
  HttpStub server([](const auto&) {
    return HttpStub::Answer{.status = 400, .body = "bad\nlabels", .raw = ""};
  });
  const auto sink = Open({.kind = WebhookTo(server.url())});
  sink->Notify(Fired("a"));
  ASSERT_TRUE(EventuallyTrue([&] { return sink->status().failed() == 1; }));
  EXPECT_EQ(sink->status().last_error(), "HTTP 400 bad?labels");
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(SinkTest, WebhookPostsManyInParts) {
  HttpStub server([](const auto&) { return HttpStub::Answer(); });
  auto sink = Open({.kind = WebhookTo(server.url())});
  std::vector<v1::Alert> told(1'201, Fired("x").alert());
  sink->Refresh(told);
  ASSERT_TRUE(EventuallyTrue([&] { return server.requests().size() == 3; }));
  sink.reset();
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(SinkTest, NotifierTellsEachSinkWhatIsBadEnough) {
  auto notifier =
      Notifier::Open({{.least = AlertLevel::kInfo, .kind = JsonlSinkOptions{Path("all")}},
                      {.least = AlertLevel::kCrit, .kind = JsonlSinkOptions{Path("crit")}}},
                     clock_);
  ASSERT_THAT(notifier, IsOk());
  v1::AlertNotification better = Fired("b", "warn");
  better.set_previous_severity("crit");
  notifier->Tell({Fired("a", "warn"), better, Fired("c", "crit")}, {});
  EXPECT_EQ(notifier->statuses()[0].delivered(), 3u);
  EXPECT_EQ(notifier->statuses()[1].delivered(), 2u);
  EXPECT_THAT(Notifier::Open({{.kind = JsonlSinkOptions{"/nowhere/x"}}}, clock_),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace tcpfleet::controller
