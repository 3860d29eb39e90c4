// Encoder and decoder together: whatever happens to connections, the receiver knows it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "common/sockets/frame_decoder.h"
#include "common/sockets/frame_encoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/common/sockets/samples.h"

namespace tcpfleet::sockets {
namespace {

using tests::IsOk;
using Connections = std::map<uint64_t, ConnectionSample>;  // by cookie

Connections ByCookie(const FrameDecoder& decoder) {
  Connections connections;
  for (const auto& [row, sample] : decoder.rows()) {
    connections.emplace(sample.identity.cookie, sample);
  }
  return connections;
}

std::vector<ConnectionSample> Values(const Connections& connections) {
  std::vector<ConnectionSample> samples;
  for (const auto& [cookie, sample] : connections) samples.push_back(sample);
  return samples;
}

// Equal, but for moments, which may be 30 ms off, and for what `fields` leaves out.
void ExpectSame(const ConnectionSample& got, const ConnectionSample& want,
                const FieldMask& fields) {
  EXPECT_EQ(got.identity, want.identity);
  for (const FieldInfo& info : AllFields()) {
    const bool wanted = fields.none() || fields[SlotOf(info.field)];
    ASSERT_EQ(got.values.Has(info.field), wanted && want.values.Has(info.field)) << info.name;
    if (!got.values.Has(info.field)) continue;
    const auto difference =
        static_cast<int64_t>(got.values.Get(info.field) - want.values.Get(info.field));
    EXPECT_LE(std::abs(difference), info.kind == FieldKind::kMoment ? 30 : 0) << info.name;
  }
  EXPECT_EQ(got.tcp_info_tail, fields.none() ? want.tcp_info_tail : "");
}

struct Options {
  uint64_t seed;
  FieldMask fields;
  int frames_per_keyframe;  // by the clock
};

// Lives a random history through both ends and compares after every frame.
class History {
 public:
  explicit History(const Options& options)
      : random_(options.seed), fields_(options.fields), encoder_(options.fields) {
    step_ns_ = kKeyframePeriodNs / options.frames_per_keyframe;
  }

  void Step() {
    Change();
    const std::vector<ConnectionSample> live = Values(live_);
    Frame({.monotonic_ns = now_ns_,
           .completeness = {},
           .live = live,
           .live_selection = {},
           .closed = closed_});
    for (const auto& [cookie, sample] : live_) {
      const auto got = receiver_.find(cookie);
      ASSERT_NE(got, receiver_.end()) << cookie;
      ExpectSame(got->second, sample, fields_);
    }
  }

  // Ends everything: then every connection that ever was has ended once.
  void Finish() {
    live_.clear();
    closed_.clear();
    do {
      Frame({.monotonic_ns = now_ns_,
             .completeness = {},
             .live = {},
             .live_selection = {},
             .closed = {}});
    } while (encoder_.HasUnsentCloses());
    EXPECT_TRUE(decoder_.rows().empty());
    EXPECT_EQ(ended_.size(), born_);
    for (const auto& [cookie, times] : ended_) EXPECT_EQ(times, 1) << cookie;
  }

 private:
  void Change() {
    closed_.clear();
    std::vector<uint64_t> cookies;
    for (const auto& [cookie, sample] : live_) cookies.push_back(cookie);
    for (const uint64_t cookie : cookies) {
      ConnectionSample& sample = live_[cookie];
      if (random_() % 2 == 0) Disturb(random_, sample);
      if (random_() % 8 != 0) continue;
      if (random_() % 2 == 0) Close(sample);  // otherwise it is just not there any more
      live_.erase(cookie);
    }
    for (uint64_t i = random_() % 6; i > 0; --i) {
      ++born_;
      live_.emplace(born_, RandomSample(random_, born_));
    }
    if (random_() % 4 == 0) {  // begins and ends between two polls
      ++born_;
      Close(RandomSample(random_, born_));
    }
    now_ns_ += step_ns_;
  }

  void Close(const ConnectionSample& last) {
    closed_.push_back({last, v1::ConnectionClose::REASON_CLOSED});
    last_words_[last.identity.cookie] = last;
  }

  void Frame(const ConnectionPoll& poll) {
    v1::ConnectionFrame frame;
    ASSERT_TRUE(frame.ParseFromString(encoder_.Encode(poll).SerializeAsString()));
    ASSERT_THAT(decoder_.Apply(frame), IsOk());
    receiver_ = ByCookie(decoder_);
    FrameDecoder late;
    ASSERT_THAT(late.Apply(decoder_.Keyframe()), IsOk());
    ASSERT_EQ(late.rows().size(), decoder_.rows().size());
    for (const auto& [row, sample] : decoder_.rows()) {
      ASSERT_NE(late.rows().Find(row), nullptr);
      EXPECT_EQ(*late.rows().Find(row), sample);
    }
    for (const ClosedConnection& closed : decoder_.closed()) {
      const uint64_t cookie = closed.last.identity.cookie;
      ++ended_[cookie];
      const auto last = last_words_.find(cookie);
      EXPECT_EQ(closed.reason, last == last_words_.end() ? v1::ConnectionClose::REASON_NOT_SEEN
                                                         : v1::ConnectionClose::REASON_CLOSED);
      if (last == last_words_.end()) continue;
      EXPECT_EQ(closed.last.identity, last->second.identity);
      EXPECT_EQ(closed.last.values.present(), last->second.values.present() & Wanted());
    }
  }

  FieldMask Wanted() const { return fields_.none() ? ~FieldMask() : fields_; }

  std::mt19937_64 random_;
  const FieldMask fields_;
  FrameEncoder encoder_;
  FrameDecoder decoder_;
  int64_t step_ns_ = 0;
  int64_t now_ns_ = 1'000'000'000'000;
  uint64_t born_ = 0;
  Connections live_;
  std::vector<ClosedConnection> closed_;
  Connections last_words_;
  Connections receiver_;
  std::map<uint64_t, int> ended_;
};

class CodecHistory : public testing::TestWithParam<Options> {};

TEST_P(CodecHistory, ReachesTheReceiver) {
  History history(GetParam());
  for (int i = 0; i < 60 && !HasFatalFailure(); ++i) history.Step();
  history.Finish();
}

// More rows than a reader takes at a time, of which many resemble the one before.
TEST(Codec, CarriesTablesOfManyRows) {
  std::mt19937_64 random(8);
  std::vector<ConnectionSample> live;
  for (uint64_t cookie = 1; cookie <= 300; ++cookie) {
    if (cookie % 7 == 1) {
      live.push_back(RandomSample(random, cookie));
    } else {
      live.push_back(live.back());
      live.back().identity = SampleWith(cookie).identity;
      if (random() % 8 == 0) live.back().values.Set(Field::kSndMss, random() % 3);
    }
  }
  FrameEncoder encoder;
  FrameDecoder decoder;
  for (int frame = 0; frame < 5; ++frame) {
    ASSERT_THAT(decoder.Apply(encoder.Encode({.monotonic_ns = int64_t{1'000'000'000} * (frame + 1),
                                              .completeness = {},
                                              .live = live,
                                              .live_selection = {},
                                              .closed = {}})),
                IsOk());
    const Connections got = ByCookie(decoder);
    ASSERT_EQ(got.size(), live.size());
    for (const ConnectionSample& sample : live) {
      ExpectSame(got.at(sample.identity.cookie), sample, FieldMask());
    }
    for (ConnectionSample& sample : live) {
      if (random() % 3 == 0) Disturb(random, sample);
    }
  }
}

FieldMask SomeFields() {
  FieldMask fields;
  fields.set(SlotOf(Field::kState));
  fields.set(SlotOf(Field::kRtt));
  fields.set(SlotOf(Field::kBytesAcked));
  fields.set(SlotOf(Field::kLastAckRecvAtMs));
  return fields;
}

INSTANTIATE_TEST_SUITE_P(Random, CodecHistory,
                         testing::Values(Options{1, {}, 1000}, Options{2, {}, 1000},
                                         Options{3, {}, 3}, Options{4, {}, 3}, Options{5, {}, 1},
                                         Options{6, SomeFields(), 1000},
                                         Options{7, SomeFields(), 3}));

}  // namespace
}  // namespace tcpfleet::sockets
