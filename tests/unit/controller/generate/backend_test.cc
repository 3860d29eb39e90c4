#include "controller/generate/backend.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::StatusIs;
using ::testing::HasSubstr;

TEST(Backends, ReadsRangesAddressesAndNames) {
  const auto backends = ParseBackends("web[1-2].dc1:8080,10.0.0.9:80,[2001:db8::5]:443");
  ASSERT_TRUE(backends.ok()) << backends.status();
  ASSERT_EQ(backends->size(), 4u);
  EXPECT_EQ((*backends)[1].address.ToString(), "web2.dc1:8080");
  EXPECT_EQ((*backends)[3].address.ToString(), "[2001:db8::5]:443");
}

TEST(Backends, RefusesWhatCouldBeSomethingElseInAConfiguration) {
  for (const char* hostile : {"",
                              ",",
                              "web1",
                              "web1:",
                              "web1:0",
                              "web1:65536",
                              "web1:80x",
                              "web1:-1",
                              "web1:+80",
                              "web1:80 down",
                              "web1:80;",
                              "web1:80\nglobal",
                              "web 1:80",
                              "web1;include /etc/passwd:80",
                              "{a}:80",
                              "\"a\":80",
                              "'a':80",
                              "a#b:80",
                              "a\\b:80",
                              "$host:80",
                              "%[env]:80",
                              "unix:/run/x.sock",
                              "-web:80",
                              "web-:80",
                              "a..b:80",
                              ".a:80",
                              "a.:80",
                              "256.1.1.1:80",
                              "1.2.3:80",
                              "fe80::1%eth0:80",
                              "[fe80::1%eth0]:80",
                              "[::1:80",
                              "a:80:90",
                              "a:80,a:80",
                              "A:80,a:80",
                              "web[1-2000]:80",
                              "web[1-999999999]:80",
                              "web[2-1]:80"}) {
    EXPECT_THAT(ParseBackends(hostile), StatusIs(absl::StatusCode::kInvalidArgument)) << hostile;
  }
  EXPECT_THAT(ParseBackends(std::string("a\0b:80", 6)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseBackends(std::string(300, 'a') + ":80"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseBackends("a\x1b[2J:80").status().message(), ::testing::Not(HasSubstr("\x1b")));
}

TEST(Listen, ReadsAddressesAndPorts) {
  EXPECT_EQ(ParseListen(":80")->port, 80);
  EXPECT_FALSE(ParseListen(":80")->address.has_value());
  EXPECT_EQ(ParseListen("10.0.0.1:8080")->address->ToString(), "10.0.0.1");
  EXPECT_EQ(ParseListen("[::]:443")->address->ToString(), "::");
}

TEST(Listen, RefusesAnythingElse) {
  for (const char* hostile :
       {"", "80", ":", ":0", ":65536", ":80 ssl", ":80;", ": 80", ":+80", "web1:80", "::1:80",
        "[10.0.0.1]:80", "[::1:80", "[]:80", "[:80", "*:80", ":80\n", "10.0.0.1:80{"}) {
    EXPECT_THAT(ParseListen(hostile), StatusIs(absl::StatusCode::kInvalidArgument)) << hostile;
  }
}

TEST(CheckPath, RefusesWhatMeansSomethingInAConfiguration) {
  EXPECT_TRUE(CheckPath("/health?full=1&x=a+b").ok());
  for (const char* hostile : {"", "health", "/a b", "/a\n", "/a;b", "/{a}", "/a#b", "/\"", "/'",
                              "/a\\", "/$host", "/%[src]", "/a\xc3\xa9", "/(a)"}) {
    EXPECT_THAT(CheckPath(hostile), StatusIs(absl::StatusCode::kInvalidArgument)) << hostile;
  }
  EXPECT_FALSE(CheckPath("/" + std::string(300, 'a')).ok());
}

}  // namespace
}  // namespace tcpfleet::controller
