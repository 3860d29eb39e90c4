#include "agent/load/workloads/http_request.h"

#include <gtest/gtest.h>

#include "common/base/version.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

v1::Target To(const std::string& host, uint32_t port) {
  v1::Target target;
  target.set_host(host);
  target.set_port(port);
  return target;
}

const std::string kAgentLine =
    "User-Agent: tcpfleet/" + std::string(base::Version().data(), base::Version().size()) + "\r\n";

TEST(HttpRequest, NamesTheTarget) {
  v1::StressSpec spec;
  spec.mutable_http()->set_path("/index.html?x=1");
  EXPECT_EQ(RequestBytes(spec, To("web1", 80)),
            "GET /index.html?x=1 HTTP/1.1\r\nHost: web1\r\n" + kAgentLine + "\r\n");
  EXPECT_THAT(RequestBytes(spec, To("web1", 8080)), HasSubstr("\r\nHost: web1:8080\r\n"));
  EXPECT_THAT(RequestBytes(spec, To("fd00::1", 80)), HasSubstr("\r\nHost: [fd00::1]\r\n"));
  EXPECT_THAT(RequestBytes(spec, To("fd00::1", 81)), HasSubstr("\r\nHost: [fd00::1]:81\r\n"));
  spec.mutable_http()->set_host("shop.example");
  EXPECT_THAT(RequestBytes(spec, To("web1", 8080)), HasSubstr("\r\nHost: shop.example\r\n"));
}

TEST(HttpRequest, GivenHeadersReplaceOurs) {
  v1::StressSpec spec;
  spec.mutable_http()->set_method("POST");
  spec.mutable_http()->set_path("/");
  spec.mutable_http()->add_headers("host: other");
  spec.mutable_http()->add_headers("USER-AGENT: mine");
  EXPECT_EQ(RequestBytes(spec, To("web1", 80)),
            "POST / HTTP/1.1\r\nContent-Length: 0\r\nhost: other\r\nUSER-AGENT: mine\r\n\r\n");
}

TEST(HttpRequest, GivenBytesAreSentAsTheyAre) {
  v1::StressSpec spec;
  EXPECT_EQ(RequestBytes(spec, To("web1", 80)), "");
  spec.set_request("PING\r\n");
  EXPECT_EQ(RequestBytes(spec, To("web1", 80)), "PING\r\n");
}

v1::HttpRequest Request(const std::string& method, const std::string& path,
                        const std::string& header = "A: b", const std::string& host = "") {
  v1::HttpRequest request;
  request.set_method(method);
  request.set_path(path);
  request.add_headers(header);
  request.set_host(host);
  return request;
}

TEST(HttpRequest, RefusesWhatWouldNotBeOneRequest) {
  EXPECT_THAT(CheckHttpRequest(Request("", "/")), IsOk());
  const auto refused = [](const char* part) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(part));
  };
  EXPECT_THAT(CheckHttpRequest(Request("GET /x", "/")), refused("http method \"GET /x\""));
  EXPECT_THAT(CheckHttpRequest(Request("CONNECT", "/")), refused("CONNECT"));
  EXPECT_THAT(CheckHttpRequest(Request("GET", "")), refused("http path"));
  EXPECT_THAT(CheckHttpRequest(Request("GET", "index.html")), refused("begin with '/'"));
  EXPECT_THAT(CheckHttpRequest(Request("GET", "/a b")), refused("http path"));
  EXPECT_THAT(CheckHttpRequest(Request("GET", "/\r\nX: y")), refused("\\r\\n"));
  EXPECT_THAT(CheckHttpRequest(Request("GET", "/", "A: b", "a\nb")), refused("http host"));
  EXPECT_THAT(CheckHttpRequest(Request("GET", "/", "A: b\r\nC: d")), refused("one line"));
  EXPECT_THAT(CheckHttpRequest(Request("GET", "/", "no colon")), refused("Name: value"));
  EXPECT_THAT(CheckHttpRequest(Request("GET", "/", ": value")), refused("Name: value"));
  EXPECT_THAT(CheckHttpRequest(Request("GET", "/", "content-length: 5")), refused("body"));
}

}  // namespace
}  // namespace tcpfleet::agent
