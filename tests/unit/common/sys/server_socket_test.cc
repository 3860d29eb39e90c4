#include "common/sys/server_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>

#include "common/sys/file.h"
#include "common/sys/tcp_listener.h"
#include "common/sys/tcp_socket.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

const base::Endpoint kAnyPort{base::IpAddress::V4({127, 0, 0, 1}), 0};

TEST(ListenExclusively, RefusesAPortSomebodyListensOn) {
  absl::StatusOr<UniqueFd> first = ListenExclusively(kAnyPort);
  ASSERT_THAT(first.status(), IsOk());
  const base::Endpoint endpoint = LocalEndpoint(first->get()).value();
  EXPECT_THAT(ListenExclusively(endpoint).status(),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(endpoint.ToString())));
  first->Reset();
  EXPECT_THAT(ListenExclusively(endpoint).status(), IsOk());
}

TEST(ListenExclusively, SaysWhenTheAddressIsNotOfThisHost) {
  const absl::Status status =
      ListenExclusively({base::IpAddress::V4({192, 0, 2, 1}), 7117}).status();
  EXPECT_EQ(status.message(), "listen on 192.0.2.1:7117: Cannot assign requested address");
}

TEST(ListenExclusively, AnswersAtOnceWhenNobodyWaits) {
  const absl::StatusOr<UniqueFd> listener = ListenExclusively(kAnyPort);
  ASSERT_THAT(listener.status(), IsOk());
  EXPECT_EQ(Accept(listener->get()), -EAGAIN);
}

TEST(UnixListener, RefusesPathsNoSocketCanHave) {
  EXPECT_THAT(UnixListener::Listen("").status(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(UnixListener::Listen("/" + std::string(200, 'x')).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(UnixListener, TakesItsFileWithIt) {
  const auto directory = TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_THAT(directory.status(), IsOk());
  const std::string path = directory->path() + "/agent.sock";
  struct stat status {};
  {
    const absl::StatusOr<UnixListener> listener = UnixListener::Listen(path);
    ASSERT_THAT(listener.status(), IsOk());
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_THAT(UnixListener::Listen(path).status(), StatusIs(absl::StatusCode::kAlreadyExists));
  }
  EXPECT_NE(::stat(path.c_str(), &status), 0);
}

TEST(UnixListener, LeavesFilesThatAreNoSockets) {
  const auto directory = TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_THAT(directory.status(), IsOk());
  const std::string path = directory->path() + "/notes.txt";
  ASSERT_THAT(WriteFile(path, "keep me"), IsOk());
  EXPECT_FALSE(UnixListener::Listen(path).ok());
  EXPECT_EQ(ReadFile(path).value_or(""), "keep me");
}

}  // namespace
}  // namespace tcpfleet::sys
