// rr against servers that people run: nginx, and haproxy in front of it.
#include <absl/strings/str_cat.h>

#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"

namespace tcpfleet::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class HttpTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    AddAgent("web1");
    AddAgent("web2");
  }

  // nginx on port 80 of a host of its own, with /small (2 B), /large (200,000 B), /chunked and
  // /closing.
  Host& StartNginx() {
    Host& host = AddHost("nginx");
    const std::string& path = directory_->path();
    EXPECT_TRUE(sys::WriteFile(path + "/small", "ok").ok());
    EXPECT_TRUE(sys::WriteFile(path + "/large", std::string(200'000, 'x')).ok());
    std::string temporary;
    for (const char* what : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      absl::StrAppend(&temporary, what, "_temp_path ", path, "/", what, "; ");
    }
    // gzip answers in chunks: it cannot know the length.
    EXPECT_TRUE(sys::WriteFile(
                    path + "/nginx.conf",
                    absl::StrCat("daemon off; master_process off; pid ", path, "/pid; error_log ",
                                 path, "/error.log;\nevents {}\nhttp { access_log off; ", temporary,
                                 "keepalive_requests 1000000; server { listen 80; root ", path,
                                 "; location = /chunked { alias ", path,
                                 "/large; default_type text/plain; gzip on; gzip_types *; } "
                                 "location = /closing { keepalive_timeout 0; alias ",
                                 path, "/small; } } }\n"))
                    .ok());
    servers_.push_back(StartProgram(host, {"nginx", "-c", path + "/nginx.conf"}));
    ExpectListens(host, 80);
    return host;
  }

  Host& StartHaproxy(const Host& backend) {
    Host& host = AddHost("haproxy");
    const std::string path = directory_->path() + "/haproxy.cfg";
    EXPECT_TRUE(sys::WriteFile(path, absl::StrCat("defaults\n  mode http\n  timeout client 10s\n"
                                                  "  timeout server 10s\n  timeout connect 2s\n"
                                                  "listen web\n  bind :80\n  server nginx ",
                                                  backend.ipv4().ToString(), ":80\n"))
                    .ok());
    servers_.push_back(StartProgram(host, {"haproxy", "-db", "-f", path}));
    ExpectListens(host, 80);
    return host;
  }

  v1::StressReport Load(const Host& host, const std::string& path,
                        std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"rr",
                                          "--target",
                                          absl::StrCat(host.ipv4().ToString(), ":80"),
                                          "--http",
                                          path,
                                          "--warmup",
                                          "0s",
                                          "--duration",
                                          "1s",
                                          "--connections",
                                          "8"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Stress(std::move(arguments));
  }

 private:
  void ExpectListens(const Host& host, int port) {
    EXPECT_TRUE(EventuallyTrue([&] {
      return !host.Command({"ss", "-tlnH", "sport", "=", absl::StrCat(":", port)})
                  .value()
                  .out.empty();
    })) << servers_.back().err.Text();
  }

  std::vector<RunningProgram> servers_;
};

TEST_F(HttpTest, KeepsConnectionsToNginxAlive) {
  const Host& nginx = StartNginx();
  for (const char* path : {"/small", "/large", "/chunked"}) {
    SCOPED_TRACE(path);
    const v1::StressReport report = Load(nginx, path);
    EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
    EXPECT_GT(report.total().succeeded(), 100u);
    EXPECT_EQ(report.total().connections_opened(), 8u);
    EXPECT_THAT(report.total().responses_by_status(), ElementsAre(Key("2xx")));
  }
}

TEST_F(HttpTest, OpensAnewWhatNginxCloses) {
  const Host& nginx = StartNginx();
  const v1::StressReport report = Load(nginx, "/closing", {"--rate", "200"});
  EXPECT_THAT(report.total().failed(), IsEmpty());
  EXPECT_GE(report.total().connections_opened(), report.total().succeeded());
}

TEST_F(HttpTest, CountsStatusClasses) {
  const Host& nginx = StartNginx();
  const v1::StressReport report = Load(nginx, "/missing");
  EXPECT_THAT(report.total().responses_by_status(),
              UnorderedElementsAre(Pair("4xx", report.total().succeeded())));
}

TEST_F(HttpTest, GoesThroughHaproxy) {
  const Host& haproxy = StartHaproxy(StartNginx());
  const v1::StressReport report = Load(haproxy, "/small", {"--http-header", "X-Test: yes"});
  EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
  EXPECT_THAT(report.total().responses_by_status(), ElementsAre(Key("2xx")));
}

TEST_F(HttpTest, SaysThatAPeerDoesNotSpeakHttp) {
  AddAgent("web3");
  const v1::StressReport report =
      Stress({"rr", "--target", absl::StrCat(agent("web3").address), "--http", "/", "--connections",
              "3", "--warmup", "0s", "--duration", "500ms", "--rate", "20"},
             /*expected_exit_code=*/1);
  EXPECT_EQ(report.total().succeeded(), 0u);
  EXPECT_GT(report.total().failed().count("badResponse"), 0u);
}

}  // namespace
}  // namespace tcpfleet::tests
