#include "controller/probe/target.h"

#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::StatusIs;

TEST(ProbeTarget, IsAHostAndAPort) {
  struct Case {
    const char* text;
    const char* host;
    uint16_t port;
  };
  for (const Case& one :
       {Case{"db1:5432", "db1", 5432}, Case{"10.0.0.5:80", "10.0.0.5", 80},
        Case{"[::1]:443", "::1", 443}, Case{"db_1.example.org.:1", "db_1.example.org.", 1},
        Case{"[2001:db8::1]:65535", "2001:db8::1", 65'535}, Case{"[fec0::1]:1", "fec0::1", 1}}) {
    const absl::StatusOr<ProbeTarget> target = ParseProbeTarget(one.text);
    ASSERT_TRUE(target.ok()) << target.status();
    EXPECT_EQ(target->text, one.text);
    EXPECT_EQ(target->host, one.host);
    EXPECT_EQ(target->port, one.port);
  }
}

TEST(ProbeTarget, SaysWhatWouldBeRight) {
  struct Case {
    const char* text;
    const char* mistake;
  };
  for (const Case& one : {
           Case{"", "is not HOST:PORT"},
           Case{"db1", "is not HOST:PORT: write for example db1:5432"},
           Case{"db1:", "is not HOST:PORT"},
           Case{":80", "is not HOST:PORT"},
           Case{"2001:db8::1", "or [2001:db8::1]:443"},
           Case{"[::1]", "is not HOST:PORT"},
           Case{"[db1]:80", "is not HOST:PORT"},
           Case{"[fe80::1%eth0]:80",
                "'[fe80::1%eth0]:80': a link-local address is another host on"},
           Case{"[fe80::1]:80", "write one that all agents reach"},
           Case{"[febf::1%2]:ssh", "link-local"},
           Case{"[2001:db8::1%eth0]:80", "is not HOST:PORT"},
           Case{"db1:0", "'0' is not a port: it must be 1 to 65535"},
           Case{"db1:65536", "'65536' is not a port"},
           Case{"db1:99999999999", "is not a port"},
           Case{"db 1:80", "'db 1' is neither an address nor a host name"},
           Case{"db\n:80", "is neither an address nor a host name"},
           Case{"web1:htps", "'htps' is neither a port nor a service, did you mean 'https'?"},
           Case{"https://web1/", "is a URL, not HOST:PORT: write web1:443"},
           Case{"http://web1", "write web1:80"},
           Case{"https://web1:8443/x?y", "write web1:8443"},
       }) {
    EXPECT_THAT(ParseProbeTarget(one.text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(one.mistake)))
        << one.text;
  }
  EXPECT_THAT(ParseProbeTarget(std::string(300, 'a') + ":80"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace tcpfleet::controller
