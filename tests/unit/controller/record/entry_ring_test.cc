#include "controller/record/entry_ring.h"

#include "tests/unit/controller/record/scripted_fleet.h"

namespace tcpfleet::controller {
namespace {

using tests::IsOk;
using tests::StatusIs;

TEST(EntryRing, ShowsTheFleetAsItWasAtAnyTime) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(130);
  EntryRing ring({});
  for (const v1::RecordingEntry& entry : entries) ring.Append(entry);
  EXPECT_EQ(ring.oldest_unix_ns(), kBegin);
  EXPECT_EQ(ring.newest_unix_ns(), kBegin + 129 * kSecond);
  for (const int second : {0, 4, 5, 8, 59, 60, 61, 100, 129, 500}) {
    const int64_t unix_ns = kBegin + second * kSecond;
    const auto table = ring.TableAt(unix_ns);
    ASSERT_THAT(table, IsOk()) << second;
    EXPECT_EQ(Picture(**table), PictureOf(entries, unix_ns)) << second;
  }
  EXPECT_THAT(ring.TableAt(kBegin - 1), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST(EntryRing, ShowsTheHistoryThatLedThere) {
  EntryRing ring({});
  for (const v1::RecordingEntry& entry : ScriptedEntries(130)) ring.Append(entry);
  // 5 s after a keyframe: what was before it is there, too.
  const auto table = ring.TableAt(kBegin + 65 * kSecond);
  ASSERT_THAT(table, IsOk());
  EXPECT_EQ((*table)->Rows().front()->rtt_us.size(), kHistory);
}

TEST(EntryRing, ForgetsTheOldestButNotWhoTheAgentsAre) {
  const std::vector<v1::RecordingEntry> entries = ScriptedEntries(200);
  EntryRing ring({.most_bytes = size_t{1} << 30, .most_age = absl::Seconds(70)});
  for (const v1::RecordingEntry& entry : entries) ring.Append(entry);
  // The second agent's keyframes come at 8 + 60 n.
  EXPECT_EQ(ring.oldest_unix_ns(), kBegin + 188 * kSecond);
  for (const int second : {188, 190, 199}) {
    const int64_t unix_ns = kBegin + second * kSecond;
    const auto table = ring.TableAt(unix_ns);
    ASSERT_THAT(table, IsOk()) << second;
    EXPECT_EQ(Picture(**table), PictureOf(entries, unix_ns)) << second;
  }
}

TEST(EntryRing, StaysWithinItsBytes) {
  EntryRing ring({.most_bytes = 20'000, .most_age = absl::Hours(1)});
  for (const v1::RecordingEntry& entry : ScriptedEntries(200)) {
    ring.Append(entry);
    ASSERT_LE(ring.bytes(), 20'000u);
  }
  EXPECT_FALSE(ring.empty());
}

TEST(EntryRing, IsEmptyAtFirst) {
  const EntryRing ring({});
  EXPECT_TRUE(ring.empty());
  EXPECT_THAT(ring.TableAt(kBegin), StatusIs(absl::StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace tcpfleet::controller
