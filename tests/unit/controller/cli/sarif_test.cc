#include "controller/cli/sarif.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/cli/sarif_check.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;

const std::vector<SarifRule> kRules = {
    {.id = "audit/a", .level = "error", .summary = "a", .help = "why \"a\"", .help_uri = ""},
    {.id = "audit/b",
     .level = "note",
     .summary = "b",
     .help = "why b",
     .help_uri = "https://www.rfc-editor.org/rfc/rfc1122"}};

TEST(Sarif, IsWhatTheSchemaAsksFor) {
  const std::vector<SarifResult> results = {
      {.rule = 1,
       .message = "line\nbreak, \x1b[2J and \xff",
       .hosts = {"web1", "web\"2\\"},
       .subject = "net.core.somaxconn",
       .file = "/etc/sysctl.d/90 a%ü.conf",
       .line = 7},
      {.rule = 0, .message = "m", .hosts = {}, .subject = "s", .file = "", .line = 0}};
  const std::string json = SarifDocument(kRules, results, {"web3: unreachable"});
  EXPECT_EQ(tests::WrongWithSarif(json), "") << json;
  EXPECT_THAT(json, HasSubstr("file:///etc/sysctl.d/90%20a%25%C3%BC.conf"));
  EXPECT_THAT(json, HasSubstr("\"executionSuccessful\": false"));
  EXPECT_THAT(json, HasSubstr("{\"hosts\": [\"web1\", \"web\\\"2\\\\\"]}"));
}

TEST(Sarif, WithoutFindingsIsADocumentToo) {
  const std::string json = SarifDocument({}, {}, {});
  EXPECT_EQ(tests::WrongWithSarif(json), "") << json;
  EXPECT_THAT(json, HasSubstr("\"executionSuccessful\": true"));
}

TEST(SarifCheck, FindsWhatIsWrong) {
  EXPECT_EQ(tests::WrongWithSarif(R"({"runs": []})"), "$ has no version");
  EXPECT_EQ(tests::WrongWithSarif("no json"), "$ is no object");
  EXPECT_EQ(tests::WrongWithSarif(R"({"version": "2.1.0", "runs": [{"tool": {}}]})"),
            "$.runs[0].tool has no driver");
  EXPECT_EQ(tests::WrongWithSarif(
                R"({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t", "rules": []}},
                    "results": [{"message": {"text": "m"}, "level": "fatal"}]}]})"),
            "$.runs[0].results[0].level is no level");
}

}  // namespace
}  // namespace tcpfleet::controller
