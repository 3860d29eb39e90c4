#include "common/sys/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::IsOkAndHolds;
using tests::StatusIs;

base::IpAddress Address(absl::string_view text) { return base::IpAddress::Parse(text).value(); }

TEST(ResolveHost, TakesLiteralsOfBothFamilies) {
  EXPECT_THAT(ResolveHost("198.18.0.1"), IsOkAndHolds(ElementsAre(Address("198.18.0.1"))));
  EXPECT_THAT(ResolveHost("fd00:18::1"), IsOkAndHolds(ElementsAre(Address("fd00:18::1"))));
}

TEST(ResolveHost, FindsLocalhost) {
  EXPECT_THAT(ResolveHost("localhost"),
              IsOkAndHolds(Contains(AnyOf(Address("127.0.0.1"), Address("::1")))));
}

TEST(ResolveHost, NamesWhatDoesNotResolve) {
  // Not even a legal host name, so no name server is asked.
  EXPECT_THAT(ResolveHost("no such host"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("'no such host' does not resolve")));
}

TEST(ResolveService, TakesNumbersAndNamesWhatIsNoService) {
  EXPECT_THAT(ResolveService("443"), IsOkAndHolds(443));
  EXPECT_THAT(ResolveService("no-such-service"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("'no-such-service'")));
}

}  // namespace
}  // namespace tcpfleet::sys
