// The first byte chooses: a whole ConnectionFrame message, or the plain rows of a frame (so that
// mutations need not get past zstd), as a keyframe or as what follows one.
#include <absl/types/span.h>
#include <zstd.h>

#include <map>

#include "common/base/check.h"
#include "common/sockets/frame_decoder.h"

namespace tcpfleet::sockets {
namespace {

std::vector<ConnectionSample> SomeConnections() {
  std::vector<ConnectionSample> samples(3);
  for (uint64_t i = 0; i < samples.size(); ++i) {
    samples[i].identity.cookie = i + 1;
    for (const FieldInfo& info : AllFields()) samples[i].values.Set(info.field, i * 1000);
  }
  return samples;
}

v1::ConnectionFrame FrameOf(absl::string_view rows, bool keyframe) {
  static ZSTD_CCtx* const context = ZSTD_createCCtx();
  std::string packed(ZSTD_compressBound(rows.size()), '\0');
  packed.resize(
      ZSTD_compressCCtx(context, packed.data(), packed.size(), rows.data(), rows.size(), 1));
  v1::ConnectionFrame frame;
  frame.set_keyframe(keyframe);
  frame.set_rows_size(static_cast<uint32_t>(rows.size()));
  frame.set_rows_zstd(packed);
  return frame;
}

std::map<uint32_t, ConnectionSample> Copy(const RowTable& rows) {
  std::map<uint32_t, ConnectionSample> copy;
  for (const auto& [row, sample] : rows) copy.emplace(row, sample);
  return copy;
}

// What was understood can be said again, and is understood the same.
void CheckRoundTrip(const FrameDecoder& decoder) {
  std::map<uint64_t, ConnectionSample> wanted;
  std::vector<const ConnectionSample*> live;
  for (const auto& [row, sample] : decoder.rows()) {
    if (sample.identity.network_namespace != 0) continue;
    if (wanted.emplace(sample.identity.cookie, sample).second) live.push_back(&sample);
  }
  FrameDecoder late;
  TF_CHECK(late.Apply(decoder.Keyframe()).ok());
  TF_CHECK_EQ(late.rows().size(), decoder.rows().size());
  for (const auto& [row, sample] : decoder.rows()) {
    TF_CHECK(late.rows().Find(row)->values == sample.values);
    TF_CHECK(late.rows().Find(row)->identity.cookie == sample.identity.cookie);
  }
  FrameDecoder again;
  TF_CHECK(again
               .Apply(FrameEncoder().Encode(
                   {.completeness = {}, .live = {}, .live_selection = live, .closed = {}}))
               .ok());
  TF_CHECK_EQ(again.rows().size(), wanted.size());
  for (const auto& [row, sample] : again.rows()) {
    TF_CHECK(sample.values == wanted.at(sample.identity.cookie).values);
    TF_CHECK(sample.tcp_info_tail == wanted.at(sample.identity.cookie).tcp_info_tail);
  }
}

void Fuzz(absl::Span<const uint8_t> input) {
  static const std::vector<ConnectionSample> samples = SomeConnections();
  static const v1::ConnectionFrame first = FrameEncoder().Encode(
      {.completeness = {}, .live = samples, .live_selection = {}, .closed = {}});
  if (input.empty()) return;
  const absl::string_view body(reinterpret_cast<const char*>(input.data()) + 1, input.size() - 1);
  v1::ConnectionFrame frame;
  if (input[0] % 3 == 0) {
    if (!frame.ParseFromArray(body.data(), static_cast<int>(body.size()))) return;
  } else {
    frame = FrameOf(body, input[0] % 3 == 1);
  }
  FrameDecoder decoder;
  TF_CHECK(decoder.Apply(first).ok());
  const std::map<uint32_t, ConnectionSample> before = Copy(decoder.rows());
  if (decoder.Apply(frame).ok()) {
    CheckRoundTrip(decoder);
  } else {
    TF_CHECK(Copy(decoder.rows()) == before);
  }
}

}  // namespace
}  // namespace tcpfleet::sockets

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tcpfleet::sockets::Fuzz({data, size});
  return 0;
}
