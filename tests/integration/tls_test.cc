// Mutual TLS between controller and agent, with certificates made on the spot.
#include <absl/strings/str_cat.h>

#include "common/sys/file.h"
#include "tests/integration/fleet_fixture.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// An authority and certificates it signed, as PEM files in a directory of their own.
class Authority {
 public:
  Authority() {
    OpenSsl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "2", "-subj", "/CN=test authority", "-keyout", Path("ca.key"), "-out",
             Path("ca.pem")});
  }
  std::string Path(const std::string& file) const {
    return absl::StrCat(directory_->path(), "/", file);
  }

  void Issue(const std::string& name, const std::string& alternative_name) {
    OpenSsl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             "/CN=" + name, "-addext", "subjectAltName=" + alternative_name, "-keyout",
             Path(name + ".key"), "-out", Path(name + ".csr")});
    OpenSsl({"x509", "-req", "-days", "2", "-in", Path(name + ".csr"), "-copy_extensions", "copy",
             "-CA", Path("ca.pem"), "-CAkey", Path("ca.key"), "-CAcreateserial", "-out",
             Path(name + ".pem")});
  }

  // The three flags for a program that is `name`.
  std::vector<std::string> Flags(const std::string& name) const {
    return {"--tls-ca",          Path("ca.pem"), "--tls-cert",
            Path(name + ".pem"), "--tls-key",    Path(name + ".key")};
  }

 private:
  static void OpenSsl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const absl::StatusOr<CommandResult> result = RunCommand(arguments);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->exit_code, 0) << result->err;
  }

  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test");
};

std::vector<std::string> Joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class TlsTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    Host& host = AddHost("web1");
    ours_.Issue("agent", absl::StrCat("IP:", host.ipv4().ToString()));
    ours_.Issue("controller", "DNS:controller");
    theirs_.Issue("controller", "DNS:controller");
    agents_.push_back(
        std::make_unique<TestAgent>(TestAgent{&host, StartAgent(host, ours_.Flags("agent")),
                                              absl::StrCat(host.ipv4().ToString(), ":7117")}));
  }

  Authority ours_;
  Authority theirs_;
};

TEST_F(TlsTest, ServesAControllerWithACertificateOfTheAuthority) {
  const CommandResult result = Controller(Joined(ours_.Flags("controller"), {"agents"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("web1"));
}

TEST_F(TlsTest, RefusesControllersWithoutOneAndTellsThemWhatIsMissing) {
  const CommandResult none = Controller({"--timeout", "3s", "agents"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.out + none.err, HasSubstr("--tls-ca"));
  EXPECT_EQ(
      Controller(Joined(theirs_.Flags("controller"), {"--timeout", "3s", "agents"})).exit_code, 3);
}

TEST_F(TlsTest, RefusesFilesThatDoNotFitBeforeAnythingStarts) {
  const CommandResult result =
      Controller({"--tls-ca", ours_.Path("ca.pem"), "--tls-cert", ours_.Path("controller.pem"),
                  "--tls-key", ours_.Path("agent.key"), "agents"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("--tls-key"), HasSubstr("is not the key")));
}

}  // namespace
}  // namespace tcpfleet::tests
