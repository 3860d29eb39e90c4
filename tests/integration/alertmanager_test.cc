// What the webhook sink posts, as Alertmanager itself understands it.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/sys/child_process.h"
#include "common/sys/file.h"
#include "controller/monitor/sink.h"
#include "controller/monitor/time_proto.h"
#include "tests/support/eventually.h"
#include "tests/support/run_command.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using tests::EventuallyTrue;
using tests::IsOk;

constexpr char kProgram[] = "prometheus-alertmanager";

class AlertmanagerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::RunCommand({kProgram, "--version"}).ok()) {
      GTEST_SKIP() << kProgram << " is not installed (Debian package prometheus-alertmanager)";
    }
    ASSERT_THAT(directory_, IsOk());
    const std::string config = directory_->path() + "/config.yml";
    ASSERT_THAT(sys::WriteFile(config, "route: {receiver: none}\nreceivers: [{name: none}]\n"),
                IsOk());
    auto log = tests::CapturedOutput::Create();
    ASSERT_THAT(log, IsOk());
    log_.emplace(*std::move(log));
    auto child = sys::ChildProcess::Start(
        {.arguments = {kProgram, "--config.file=" + config,
                       "--cluster.listen-address=", "--web.listen-address=127.0.0.1:0",
                       "--storage.path=" + directory_->path() + "/data"},
         .environment = {},
         .stdout_fd = log_->fd(),
         .stderr_fd = log_->fd()});
    ASSERT_THAT(child, IsOk());
    child_.emplace(*std::move(child));
    ASSERT_TRUE(EventuallyTrue([&] { return FindPort(); })) << log_->Text();
    ASSERT_TRUE(EventuallyTrue([&] { return !Get("/-/ready").empty(); })) << log_->Text();
  }

  // It says where it listens.
  bool FindPort() {
    const std::string text = log_->Text();
    const std::string mark = "address=127.0.0.1:";
    for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
      const int port = std::atoi(text.c_str() + at + mark.size());
      if (port > 0) port_ = static_cast<uint16_t>(port);
    }
    return port_ != 0;
  }

  // Empty when there is no good answer.
  std::string Get(const std::string& path) const {
    namespace http = boost::beast::http;
    boost::system::error_code error;
    boost::asio::io_context io;
    boost::asio::ip::tcp::socket socket(io);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port_}, error);
    http::request<http::empty_body> request(http::verb::get, path, 11);
    request.set(http::field::host, "127.0.0.1");
    if (!error) http::write(socket, request, error);
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    if (!error) http::read(socket, buffer, response, error);
    return error || response.result_int() != 200 ? "" : response.body();
  }

  // Labels "alertname/host/subject/severity" of those that are active, to their summary.
  std::map<std::string, std::string> Active() const {
    const std::string json = Get("/api/v2/alerts?active=true");
    google::protobuf::ListValue list;
    std::map<std::string, std::string> active;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &list).ok()) << json;
    for (const auto& value : list.values()) {
      const auto& fields = value.struct_value().fields();
      const auto& labels = fields.at("labels").struct_value().fields();
      std::string key = labels.at("alertname").string_value();
      for (const char* name : {"host", "subject", "severity"}) {
        absl::StrAppend(&key, "/", labels.at(name).string_value());
      }
      active[key] = fields.at("annotations").struct_value().fields().at("summary").string_value();
    }
    return active;
  }

  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test");
  std::optional<tests::CapturedOutput> log_;
  std::optional<sys::ChildProcess> child_;
  uint16_t port_ = 0;
  base::SystemClock clock_;
};

v1::AlertNotification Change(const std::string& before, const std::string& now) {
  const absl::Time time = absl::Now();
  v1::AlertNotification notification;
  *notification.mutable_time() = ToTimestamp(time);
  notification.set_previous_severity(before);
  v1::Alert& alert = *notification.mutable_alert();
  alert.set_host("web1");
  alert.set_rule("accept-queue-overflow");
  alert.set_subject("0.0.0.0:80 nginx[812] \"ü\"");
  alert.set_title("connections wait in vain");
  alert.set_severity(now.empty() ? before : now);
  alert.set_notified_severity(now);
  *alert.mutable_fired_at() = ToTimestamp(time - absl::Seconds(5));
  return notification;
}

TEST_F(AlertmanagerTest, KnowsWhatFiresGetsWorseAndResolves) {
  WebhookSinkOptions options;
  options.url = {.is_tls = false, .host = "127.0.0.1", .port = port_, .path = ""};
  options.labels = {{"team", "net"}};
  auto sink = OpenSink({.kind = options}, clock_);
  ASSERT_THAT(sink, IsOk());
  const std::string key = "accept-queue-overflow/web1/0.0.0.0:80 nginx[812] \"ü\"/";
  (*sink)->Notify(Change("", "warn"));
  ASSERT_TRUE(EventuallyTrue([&] { return Active().count(key + "warn") == 1; }))
      << (*sink)->status().ShortDebugString();
  EXPECT_EQ(Active()[key + "warn"], "connections wait in vain");

  (*sink)->Notify(Change("warn", "crit"));
  ASSERT_TRUE(EventuallyTrue([&] { return Active().count(key + "crit") == 1; }));
  EXPECT_TRUE(EventuallyTrue([&] { return Active().count(key + "warn") == 0; }));

  // Of a monitor that was started anew: the same alert, not another one.
  v1::Alert told = Change("", "crit").alert();
  (*sink)->Refresh({told});
  EXPECT_TRUE(EventuallyTrue([&] { return (*sink)->status().waiting() == 0; }));
  EXPECT_EQ(Active().size(), 1u);

  (*sink)->Notify(Change("crit", ""));
  EXPECT_TRUE(EventuallyTrue([&] { return Active().empty(); }));
  // It knows before the sink has read its answer.
  EXPECT_TRUE(EventuallyTrue([&] { return (*sink)->status().delivered() == 3; }))
      << (*sink)->status().ShortDebugString();
  EXPECT_EQ((*sink)->status().failed(), 0u);
}

}  // namespace
}  // namespace tcpfleet::controller
