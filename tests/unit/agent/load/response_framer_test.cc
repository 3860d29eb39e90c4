#include "agent/load/workloads/response_framer.h"

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <string>

namespace tcpfleet::agent {
namespace {

v1::StressSpec HttpSpec(const std::string& method = "GET") {
  v1::StressSpec spec;
  spec.mutable_http()->set_method(method);
  return spec;
}

v1::StressSpec DelimiterSpec(const std::string& delimiter) {
  v1::StressSpec spec;
  spec.set_response_delimiter(delimiter);
  return spec;
}

absl::Span<const std::byte> Bytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

void Add(const FoundResponses& more, FoundResponses& found) {
  EXPECT_FALSE(found.bad || found.closes) << "nothing is found after the end";
  found.ended += more.ended;
  for (size_t i = 0; i < more.by_status.size(); ++i) found.by_status[i] += more.by_status[i];
  found.bad = more.bad;
  found.closes = more.closes;
}

FoundResponses TakeInPieces(ResponseFramer& framer, absl::string_view text, size_t piece) {
  FoundResponses found;
  framer.Begin(0);
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    const FoundResponses more = framer.Take(0, Bytes(text.substr(0, piece)));
    if (!found.bad && !found.closes) Add(more, found);
  }
  return found;
}

// The same, however the bytes are cut into reads.
FoundResponses Take(const v1::StressSpec& spec, const std::string& text) {
  const auto framer = NewResponseFramer(spec, 1);
  const FoundResponses whole = TakeInPieces(*framer, text, text.size());
  for (size_t piece = 1; piece < text.size(); ++piece) {
    const FoundResponses pieces = TakeInPieces(*framer, text, piece);
    EXPECT_EQ(pieces.ended, whole.ended) << "in pieces of " << piece;
    EXPECT_EQ(pieces.by_status, whole.by_status) << "in pieces of " << piece;
    EXPECT_EQ(pieces.bad, whole.bad) << "in pieces of " << piece;
    EXPECT_EQ(pieces.closes, whole.closes) << "in pieces of " << piece;
  }
  return whole;
}

FoundResponses TakeHttp(const std::string& text) { return Take(HttpSpec(), text); }

TEST(ResponseFramer, IsNotThereForResponsesOfAFixedSize) {
  EXPECT_EQ(NewResponseFramer({}, 8), nullptr);
}

TEST(DelimiterFramer, FindsDelimitersAcrossReads) {
  EXPECT_EQ(Take(DelimiterSpec("\r\n"), "+OK\r\n-ERR\r\n+half\r").ended, 2u);
  EXPECT_EQ(Take(DelimiterSpec("\n"), "\n\n\n").ended, 3u);
}

TEST(DelimiterFramer, FindsDelimitersThatBeginWithinAFalseStart) {
  EXPECT_EQ(Take(DelimiterSpec("\r\n.\r\n"), "a\r\n\r\n.\r\nb\r\n.\r\r\n.\r\n").ended, 2u);
  EXPECT_EQ(Take(DelimiterSpec("aab"), "aaaabaab").ended, 2u);
  EXPECT_EQ(Take(DelimiterSpec("abab"), "abababab").ended, 2u);
}

TEST(DelimiterFramer, KeepsSlotsApartAndForgetsOldConnections) {
  const auto framer = NewResponseFramer(DelimiterSpec("ab"), 2);
  framer->Begin(0);
  framer->Begin(1);
  EXPECT_EQ(framer->Take(0, Bytes("a")).ended, 0u);
  EXPECT_EQ(framer->Take(1, Bytes("b")).ended, 0u);
  EXPECT_EQ(framer->Take(0, Bytes("b")).ended, 1u);
  EXPECT_EQ(framer->Take(0, Bytes("a")).ended, 0u);
  framer->Begin(0);
  EXPECT_EQ(framer->Take(0, Bytes("b")).ended, 0u);
}

TEST(HttpFramer, CountsPipelinedResponsesByStatusClass) {
  const FoundResponses found = TakeHttp(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello"
      "HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n"
      "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(found.ended, 3u);
  EXPECT_EQ(found.by_status, (std::array<uint32_t, 5>{0, 1, 0, 1, 1}));
  EXPECT_FALSE(found.bad);
  EXPECT_FALSE(found.closes);
}

TEST(HttpFramer, ReadsChunksExtensionsAndTrailers) {
  const FoundResponses found = TakeHttp(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;name=value\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(found.ended, 2u);
  EXPECT_FALSE(found.bad);
}

TEST(HttpFramer, DoesNotCountInterimResponses) {
  const FoundResponses found = TakeHttp(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(found.ended, 1u);
  EXPECT_EQ(found.by_status, (std::array<uint32_t, 5>{0, 1, 0, 0, 0}));
}

TEST(HttpFramer, ExpectsNoBodyWhereThereIsNone) {
  EXPECT_EQ(TakeHttp("HTTP/1.1 204 No Content\r\n\r\n"
                     "HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n")
                .ended,
            2u);
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n";
  EXPECT_EQ(Take(HttpSpec("HEAD"), head + head).ended, 2u);
}

TEST(HttpFramer, SaysThatTheServerCloses) {
  const FoundResponses asked = TakeHttp(
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
  EXPECT_EQ(asked.ended, 1u);
  EXPECT_TRUE(asked.closes);
  EXPECT_FALSE(asked.bad);
  EXPECT_TRUE(TakeHttp("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").closes);
  EXPECT_FALSE(
      TakeHttp("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n").closes);
}

TEST(HttpFramer, EndsAResponseWithoutLengthAtTheClose) {
  const auto framer = NewResponseFramer(HttpSpec(), 1);
  framer->Begin(0);
  EXPECT_EQ(framer->Take(0, Bytes("HTTP/1.1 200 OK\r\n\r\nas long as")).ended, 0u);
  EXPECT_EQ(framer->Take(0, Bytes(" it lasts")).ended, 0u);
  const FoundResponses found = framer->End(0);
  EXPECT_EQ(found.ended, 1u);
  EXPECT_EQ(found.by_status[1], 1u);
  EXPECT_TRUE(found.closes);
  EXPECT_EQ(framer->End(0).ended, 0u);
}

TEST(HttpFramer, DoesNotEndAResponseThatTheCloseCutsOff) {
  const auto framer = NewResponseFramer(HttpSpec(), 1);
  for (const char* part : {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"}) {
    framer->Begin(0);
    EXPECT_EQ(framer->Take(0, Bytes(part)).ended, 0u);
    const FoundResponses found = framer->End(0);
    EXPECT_EQ(found.ended, 0u) << part;
    EXPECT_FALSE(found.bad) << part;
  }
}

// A beginning that is cut off is looked at when its line, or the header, is whole.
FoundResponses TakeWhole(const std::string& text) {
  const auto framer = NewResponseFramer(HttpSpec(), 1);
  return TakeInPieces(*framer, text, text.size());
}

TEST(HttpFramer, RefusesWhatIsNoResponse) {
  for (const char* text :
       {"SSH-2.0-OpenSSH_9.2\r\n", "GET / HTTP/1.1\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n", "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    const FoundResponses found = TakeWhole(text);
    EXPECT_TRUE(found.bad) << text;
    EXPECT_EQ(found.ended, 0u) << text;
  }
}

TEST(HttpFramer, CountsWhatWasGoodBeforeWhatIsBad) {
  const FoundResponses found =
      TakeWhole("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nrubbish follows here");
  EXPECT_EQ(found.ended, 1u);
  EXPECT_TRUE(found.bad);
}

TEST(HttpFramer, RefusesHeadersAndChunkLinesWithoutEnd) {
  const auto framer = NewResponseFramer(HttpSpec(), 1);
  const std::string endless(1000, 'x');
  for (const char* begin : {"HTTP/1.1 200 OK\r\nName: ",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;name="}) {
    framer->Begin(0);
    FoundResponses found = framer->Take(0, Bytes(begin));
    size_t taken = 0;
    for (; !found.bad && taken <= 2 * ResponseFramer::kMostHeaderBytes; taken += endless.size()) {
      found = framer->Take(0, Bytes(endless));
    }
    EXPECT_TRUE(found.bad) << begin;
    EXPECT_LE(taken, ResponseFramer::kMostHeaderBytes + 2000);
  }
}

TEST(HttpFramer, StartsAnewWithANewConnection) {
  const auto framer = NewResponseFramer(HttpSpec(), 2);
  framer->Begin(0);
  EXPECT_TRUE(framer->Take(0, Bytes("220 mail.example ESMTP\r\n")).bad);
  EXPECT_FALSE(framer->Take(0, Bytes("220 mail.example ESMTP\r\n")).bad);
  framer->Begin(0);
  EXPECT_EQ(framer->Take(0, Bytes("HTTP/1.1 200 OK\r\nContent-")).ended, 0u);
  framer->Begin(0);
  EXPECT_EQ(framer->Take(0, Bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).ended, 1u);
}

}  // namespace
}  // namespace tcpfleet::agent
