#include "controller/monitor/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sys/file.h"
#include "tests/support/plain_server.h"
#include "tests/support/run_command.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/monitor/http_stub.h"

namespace tcpfleet::controller {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::PlainServer;
using tests::StatusIs;

HttpPost PostTo(const HttpUrl& url) {
  return {.url = url,
          .path = "/api",
          .headers = {{"Authorization", "Bearer abc"}},
          .content_type = "application/json",
          .body = "[1]",
          .ca_file = "",
          .timeout = absl::Seconds(20)};
}

TEST(HttpClient, Posts) {
  HttpStub server(
      [](const auto&) { return HttpStub::Answer{.status = 202, .body = "thanks", .raw = ""}; });
  HttpUrl url = server.url();
  url.path = "/prefix";
  const auto response = PostHttp(PostTo(url));
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->status, 202u);
  EXPECT_EQ(response->body, "thanks");
  ASSERT_EQ(server.requests().size(), 1u);
  const HttpStub::Request request = server.requests()[0];
  EXPECT_EQ(request.target(), "/prefix/api");
  EXPECT_EQ(request.body(), "[1]");
  EXPECT_EQ(request["Content-Type"], "application/json");
  EXPECT_EQ(request["Authorization"], "Bearer abc");
  EXPECT_EQ(request["Host"], "127.0.0.1:" + std::to_string(server.port()));
}

TEST(HttpClient, SaysWhatKeptItFromAnswering) {
  const auto fails = [](const HttpPost& post, absl::StatusCode code, const std::string& why) {
    EXPECT_THAT(PostHttp(post), StatusIs(code, HasSubstr(why)));
  };
  HttpUrl gone;
  {
    const HttpStub server([](const auto&) { return HttpStub::Answer(); });
    gone = server.url();
  }
  fails(PostTo(gone), absl::StatusCode::kUnavailable, "Connection refused");
  fails(PostTo(gone), absl::StatusCode::kUnavailable, gone.ToString());

  auto silent = PlainServer::Create(PlainServer::Behaviour::kHold);
  ASSERT_THAT(silent, IsOk());
  HttpPost post = PostTo(
      {.is_tls = false, .host = "127.0.0.1", .port = (*silent)->endpoint().port, .path = ""});
  post.timeout = absl::Milliseconds(100);
  fails(post, absl::StatusCode::kDeadlineExceeded, "receive");
  post.timeout = absl::ZeroDuration();
  fails(post, absl::StatusCode::kDeadlineExceeded, "");
  // TLS with somebody who does not speak it.
  post.timeout = absl::Milliseconds(100);
  post.url.is_tls = true;
  fails(post, absl::StatusCode::kDeadlineExceeded, "TLS");
  post.ca_file = "/nowhere/ca.pem";
  fails(post, absl::StatusCode::kFailedPrecondition, "/nowhere/ca.pem");

  auto closing = PlainServer::Create(PlainServer::Behaviour::kReset);
  ASSERT_THAT(closing, IsOk());
  fails(
      PostTo(
          {.is_tls = false, .host = "127.0.0.1", .port = (*closing)->endpoint().port, .path = ""}),
      absl::StatusCode::kUnavailable, "");
  fails(PostTo({.is_tls = false, .host = "no-such-host.invalid", .port = 80, .path = ""}),
        absl::StatusCode::kUnavailable, "no-such-host.invalid");
}

TEST(HttpClient, RefusesWhatIsNoAnswer) {
  for (const std::string& raw :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + std::string(999'999, 'b')}) {
    HttpStub server(
        [&](const auto&) { return HttpStub::Answer{.status = 0, .body = "", .raw = raw}; });
    EXPECT_THAT(PostHttp(PostTo(server.url())), StatusIs(absl::StatusCode::kDataLoss));
  }
  HttpStub torn([](const auto&) {
    return HttpStub::Answer{
        .status = 0, .body = "", .raw = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"};
  });
  EXPECT_THAT(PostHttp(PostTo(torn.url())), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(HttpClient, TrustsOnlyTheServerThatIsMeant) {
  const auto directory = sys::TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_THAT(directory, IsOk());
  // A certificate that is its own authority, for one name; certificate and key in one file.
  const auto issue = [&](const std::string& name) {
    const std::string path = directory->path() + "/" + name.substr(name.find(':') + 1) + ".pem";
    EXPECT_THAT(tests::OutputOf({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                 "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                                 "/CN=test", "-addext", "subjectAltName=" + name, "-keyout",
                                 path + ".key", "-out", path}),
                IsOk());
    EXPECT_THAT(sys::WriteFile(path, *sys::ReadFile(path) + *sys::ReadFile(path + ".key")), IsOk());
    return path;
  };
  const std::string ours = issue("IP:127.0.0.1");
  const std::string theirs = issue("DNS:elsewhere");
  HttpStub server([](const auto&) { return HttpStub::Answer(); }, ours);
  HttpPost post = PostTo(server.url());
  post.ca_file = ours;
  const auto response = PostHttp(post);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->status, 200u);
  for (const std::string& authority : {std::string(), theirs}) {
    post.ca_file = authority;
    EXPECT_THAT(PostHttp(post),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("certificate verify failed")));
  }
  HttpStub other([](const auto&) { return HttpStub::Answer(); }, theirs);
  post.url = other.url();
  post.ca_file = theirs;
  EXPECT_THAT(PostHttp(post), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("TLS")));
  EXPECT_TRUE(other.requests().empty());
}

TEST(HttpUrl, IsReadAndPrinted) {
  const auto text = [](const char* url) { return ParseHttpUrl(url)->ToString(); };
  EXPECT_EQ(text("http://alerts"), "http://alerts:80");
  EXPECT_EQ(text("HTTPS://alerts/"), "https://alerts:443");
  EXPECT_EQ(text("http://[2001:db8::1]:9093/am//"), "http://[2001:db8::1]:9093/am");
  for (const char* bad :
       {"", "alerts:9093", "ftp://x", "http://", "http://a:99999", "http://u@h", "http://h/?q",
        "http://h/#f", "http://h/a b", "http://h/\r\nX: y", "http://:80", "http://h:0"}) {
    EXPECT_THAT(ParseHttpUrl(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no URL")))
        << bad;
  }
}

}  // namespace
}  // namespace tcpfleet::controller
