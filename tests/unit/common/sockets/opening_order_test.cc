#include "common/sockets/opening_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/sockets/samples.h"

namespace tcpfleet::sockets {
namespace {

using testing::ElementsAre;

class OpeningOrderTest : public testing::Test {
 protected:
  void Add(uint64_t cookie, uint16_t local, uint16_t remote) {
    ConnectionSample& sample = samples_.emplace_back(SampleWith(cookie));
    sample.identity.local.port = local;
    sample.identity.remote.port = remote;
  }
  // Cookies, which are as old as their inodes.
  std::vector<uint64_t> Order() const {
    std::vector<const ConnectionSample*> pointers;
    for (const ConnectionSample& sample : samples_) pointers.push_back(&sample);
    std::vector<uint64_t> cookies;
    for (const uint32_t position : OpeningOrder(pointers)) {
      cookies.push_back(samples_[position].identity.cookie);
    }
    return cookies;
  }

  std::vector<ConnectionSample> samples_;
};

TEST_F(OpeningOrderTest, PutsEndsOfOneServiceTogetherByAge) {
  Add(6, 443, 50'001);
  Add(5, 50'001, 443);
  Add(4, 80, 50'002);
  Add(3, 50'002, 80);
  Add(2, 443, 50'003);
  Add(1, 50'003, 443);
  EXPECT_THAT(Order(), ElementsAre(3, 4, 1, 5, 2, 6));
}

TEST_F(OpeningOrderTest, KnowsAServiceByItsConnectionsEvenWhenItsPortIsHigh) {
  Add(1, 60'000, 50'001);
  Add(2, 50'001, 60'000);
  Add(3, 60'000, 50'002);
  Add(4, 50'002, 60'000);
  EXPECT_THAT(Order(), ElementsAre(2, 4, 1, 3));
}

TEST_F(OpeningOrderTest, TellsTheEndsOfASingleConnectionApart) {
  Add(1, 50'001, 443);
  Add(2, 443, 50'001);
  EXPECT_THAT(Order(), ElementsAre(1, 2));
}

TEST_F(OpeningOrderTest, KeepsNamespacesApart) {
  Add(1, 443, 50'001);
  Add(2, 443, 50'002);
  Add(3, 443, 50'003);
  samples_[0].identity.network_namespace = 7;
  samples_[2].identity.network_namespace = 7;
  EXPECT_THAT(Order(), ElementsAre(1, 3, 2));
}

TEST_F(OpeningOrderTest, IsEmptyForNone) { EXPECT_THAT(Order(), ElementsAre()); }

}  // namespace
}  // namespace tcpfleet::sockets
