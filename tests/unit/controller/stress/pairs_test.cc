#include "controller/stress/pairs.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

TEST(Pairs, TakeCommentsBlankLinesAndDataAddresses) {
  const auto pairs =
      ParsePairs("# who loads whom\n\na -> b\r\n a->c@10.0.0.3  # by the other net\n", "pairs.txt");
  ASSERT_THAT(pairs, IsOk());
  ASSERT_EQ(pairs->size(), 2u);
  EXPECT_EQ((*pairs)[0].client, "a");
  EXPECT_EQ((*pairs)[0].server, "b");
  EXPECT_EQ((*pairs)[0].data_address, "");
  EXPECT_EQ((*pairs)[0].where, "pairs.txt:3");
  EXPECT_EQ((*pairs)[1].server, "c");
  EXPECT_EQ((*pairs)[1].data_address, "10.0.0.3");
  EXPECT_EQ((*pairs)[1].where, "pairs.txt:4");
}

TEST(Pairs, NameTheLineThatIsWrong) {
  const std::pair<const char*, const char*> bad[] = {
      {"a -> b\nc", "p:2: 'c' is not CLIENT -> SERVER"},
      {"-> b", "p:1: "},
      {"a ->", "p:1: "},
      {"a -> b@", "p:1: "},
      {"a -> @10.0.0.1", "p:1: "},
      {"a -> b\na -> b", "p:2: the pair 'a -> b' comes twice"},
      {"# nothing\n", "p: holds no pair"},
      {"", "p: holds no pair"},
  };
  for (const auto& [content, complaint] : bad) {
    EXPECT_THAT(ParsePairs(content, "p"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(complaint)))
        << content;
  }
}

TEST(Pairs, AreBounded) {
  std::string content;
  for (size_t i = 0; i <= kMostPairs; ++i) content += "a -> b" + std::to_string(i) + "\n";
  EXPECT_THAT(ParsePairs(content, "p"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("p:65537: too many")));
}

}  // namespace
}  // namespace tcpfleet::controller
