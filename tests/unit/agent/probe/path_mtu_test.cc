#include "agent/probe/path_mtu.h"

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;
using Answer = Sounding::Answer;

constexpr auto kV4 = base::IpAddress::Family::kV4;
constexpr auto kV6 = base::IpAddress::Family::kV6;

// This host's interface, then routers in turn, then the target.
class FakePath final : public SoundedPath {
 public:
  struct Router {
    uint32_t mtu;
    enum { kTellsMtu, kTellsNothing, kDrops } manner = kTellsMtu;
  };
  FakePath(uint32_t interface_mtu, std::vector<Router> routers, bool target_answers = true)
      : interface_mtu_(interface_mtu), routers_(std::move(routers)), answers_(target_answers) {}

  Sounding Sound(uint32_t bytes) override {
    sizes.push_back(bytes);
    if (bytes > interface_mtu_) return {.answer = Answer::kTooBig, .mtu = interface_mtu_};
    for (size_t i = 0; i < routers_.size(); ++i) {
      const Router& router = routers_[i];
      if (bytes <= router.mtu) continue;
      if (router.manner == Router::kDrops) return {};
      return {.answer = Answer::kTooBig,
              .mtu = router.manner == Router::kTellsMtu ? router.mtu : 0,
              .from = absl::StrCat("10.0.0.", i + 1)};
    }
    return {.answer = answers_ ? Answer::kReached : Answer::kSilent};
  }
  std::optional<uint32_t> BelievedMtu() override { return believed; }

  std::vector<uint32_t> sizes;
  std::optional<uint32_t> believed;

 private:
  const uint32_t interface_mtu_;
  const std::vector<Router> routers_;
  const bool answers_;
};

v1::ProbePathMtu Search(SoundedPath& path, base::IpAddress::Family family = kV4) {
  const absl::StatusOr<v1::ProbePathMtu> found = SearchPathMtu(family, path);
  EXPECT_THAT(found, IsOk());
  return found.value_or(v1::ProbePathMtu());
}

TEST(PathMtu, IsConfirmedByTheTargetsAnswer) {
  FakePath path(1'500, {});
  const v1::ProbePathMtu found = Search(path);
  EXPECT_EQ(found.bytes(), 1'500u);
  EXPECT_TRUE(found.confirmed());
  EXPECT_EQ(found.detail(), "the target answered");
  EXPECT_EQ(path.sizes, (std::vector<uint32_t>{65'535, 1'500}));
}

TEST(PathMtu, IsTheLargestPacketWhereTheInterfaceTakesEveryOne) {
  FakePath path(65'536, {});
  EXPECT_EQ(Search(path).bytes(), 65'535u);
}

TEST(PathMtu, FollowsWhatRoutersSay) {
  FakePath path(9'000, {{1'500}, {1'450}, {1'400}});
  const v1::ProbePathMtu found = Search(path);
  EXPECT_EQ(found.bytes(), 1'400u);
  EXPECT_TRUE(found.confirmed());
  EXPECT_EQ(found.detail(),
            "the target answered; router 10.0.0.3 says that larger packets do not fit");
}

TEST(PathMtu, StepsThroughUsualSizesWhereARouterDoesNotSayWhatFits) {
  FakePath path(1'500, {{1'100, FakePath::Router::kTellsNothing}});
  const v1::ProbePathMtu found = Search(path);
  EXPECT_EQ(found.bytes(), 1'006u);
  EXPECT_TRUE(found.confirmed());
}

TEST(PathMtu, IsWhatTheRouteSaysWhenTheTargetIsSilent) {
  FakePath path(1'500, {}, false);
  path.believed = 1'400;
  const v1::ProbePathMtu found = Search(path);
  EXPECT_EQ(found.bytes(), 1'400u);
  EXPECT_FALSE(found.confirmed());
  EXPECT_EQ(found.detail(), "the target answers no datagrams; this is what this host's route says");
  EXPECT_EQ(path.sizes, (std::vector<uint32_t>{65'535, 1'500, 576}));
}

TEST(PathMtu, IsWhatTheLastRouterSaidWhenTheTargetIsSilent) {
  FakePath path(1'500, {{1'300}}, false);
  const v1::ProbePathMtu found = Search(path);
  EXPECT_EQ(found.bytes(), 1'300u);
  EXPECT_FALSE(found.confirmed());
  EXPECT_THAT(found.detail(), HasSubstr("router 10.0.0.1 says"));
}

TEST(PathMtu, NamesABlackHoleAndFindsItsSizeByHalving) {
  for (const uint32_t mtu : {577u, 1'300u, 1'493u, 1'499u}) {
    FakePath path(1'500, {{mtu, FakePath::Router::kDrops}});
    const v1::ProbePathMtu found = Search(path);
    EXPECT_EQ(found.bytes(), mtu);
    EXPECT_TRUE(found.confirmed());
    EXPECT_TRUE(found.black_hole());
    EXPECT_EQ(found.detail(),
              "larger packets vanish, although this host's route says 1500: path MTU black hole?");
    EXPECT_LE(path.sizes.size(), 14u);
  }
}

TEST(PathMtu, TakesNoLostPacketForABlackHole) {
  class LossyPath final : public SoundedPath {
   public:
    Sounding Sound(uint32_t bytes) override {
      return {.answer = bytes > 1'000 && ++large == 1 ? Answer::kSilent : Answer::kReached};
    }
    std::optional<uint32_t> BelievedMtu() override { return std::nullopt; }
    int large = 0;
  } path;
  const v1::ProbePathMtu found = Search(path);
  EXPECT_EQ(found.bytes(), 65'535u);
  EXPECT_EQ(found.detail(), "the target answered");
}

TEST(PathMtu, SearchesNoBlackHoleBelowWhatPassed) {
  class ShrinkingPath final : public SoundedPath {
   public:
    Sounding Sound(uint32_t bytes) override {
      EXPECT_LE(bytes, 65'535u);
      if (bytes == 576) return {.answer = Answer::kReached};
      if (bytes < 576 || ++large == 1) return {};
      return {.answer = Answer::kTooBig, .mtu = 300, .from = "10.0.0.1"};
    }
    std::optional<uint32_t> BelievedMtu() override { return std::nullopt; }
    int large = 0;
  } path;
  const v1::ProbePathMtu found = Search(path);
  EXPECT_EQ(found.bytes(), 300u);
  EXPECT_FALSE(found.confirmed());
}

TEST(PathMtu, BelievesNoRouterThatAsksForTheImpossible) {
  for (const uint32_t lie : {0u, 1u, 67u, 1'500u, 70'000u, std::numeric_limits<uint32_t>::max()}) {
    class Liar final : public SoundedPath {
     public:
      explicit Liar(uint32_t mtu) : mtu_(mtu) {}
      Sounding Sound(uint32_t bytes) override {
        EXPECT_GE(bytes, 68u);
        ++soundings;
        return {.answer = Answer::kTooBig, .mtu = bytes > 1'500 ? 1'500 : mtu_, .from = "10.0.0.1"};
      }
      std::optional<uint32_t> BelievedMtu() override { return std::nullopt; }
      int soundings = 0;

     private:
      const uint32_t mtu_;
    } path(lie);
    const v1::ProbePathMtu found = Search(path);
    EXPECT_FALSE(found.confirmed());
    EXPECT_FALSE(found.detail().empty());
    EXPECT_LE(path.soundings, 9);
  }
}

TEST(PathMtu, OfIpv6IsNeverBelowWhatEveryLinkCarries) {
  FakePath silent(1'500, {{1'280, FakePath::Router::kDrops}});
  EXPECT_EQ(Search(silent, kV6).bytes(), 1'280u);
  FakePath liar(1'500, {{600}});
  const v1::ProbePathMtu found = Search(liar, kV6);
  EXPECT_FALSE(found.has_bytes());
  EXPECT_EQ(found.detail(), "router 10.0.0.1 says that 1280 bytes are too big, which cannot be");
}

class OneAnswer final : public SoundedPath {
 public:
  explicit OneAnswer(Sounding answer) : answer_(std::move(answer)) {}
  Sounding Sound(uint32_t) override { return answer_; }
  std::optional<uint32_t> BelievedMtu() override { return 1'500; }

 private:
  const Sounding answer_;
};

TEST(PathMtu, SaysWhoDoesNotLetDatagramsPass) {
  OneAnswer path({.answer = Answer::kRefused, .from = "10.0.0.9", .why = "EHOSTUNREACH"});
  const v1::ProbePathMtu found = Search(path);
  EXPECT_EQ(found.bytes(), 1'500u);
  EXPECT_FALSE(found.confirmed());
  EXPECT_EQ(found.detail(), "10.0.0.9 does not let the datagrams pass: EHOSTUNREACH");
}

TEST(PathMtu, IsUnknownWhenNothingCanBeSent) {
  OneAnswer path({.answer = Answer::kNotSent, .why = "connect: Network is unreachable"});
  const v1::ProbePathMtu found = Search(path);
  EXPECT_FALSE(found.has_bytes());
  EXPECT_EQ(found.detail(), "connect: Network is unreachable");
}

TEST(PathMtu, EndsWhenInterrupted) {
  OneAnswer path({.answer = Answer::kInterrupted});
  EXPECT_THAT(SearchPathMtu(kV4, path), StatusIs(absl::StatusCode::kCancelled));
}

TEST(PathMtu, OfLoopbackIsWhatItsInterfaceTakes) {
  const auto wait = InterruptibleWait::Create().value();
  for (const char* address : {"127.0.0.1", "::1"}) {
    // Nobody listens: the host says so.
    const auto found = FindPathMtu({base::IpAddress::Parse(address).value(), 1}, *wait);
    if (address[0] == ':' && found.ok() && !found->has_bytes()) continue;  // no IPv6 here
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->address(), address);
    EXPECT_EQ(found->bytes(), 65'535u);
    EXPECT_TRUE(found->confirmed()) << found->detail();
  }
}

TEST(PathMtu, OfARealPathEndsWhenInterrupted) {
  const auto wait = InterruptibleWait::Create().value();
  wait->Interrupt();
  EXPECT_THAT(FindPathMtu({base::IpAddress::V4({127, 0, 0, 1}), 1}, *wait),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace tcpfleet::agent
