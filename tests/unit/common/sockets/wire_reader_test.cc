#include "common/sockets/wire_reader.h"

#include <gtest/gtest.h>

namespace tcpfleet::sockets {
namespace {

absl::string_view Bytes(const std::string& text) { return {text.data(), text.size()}; }

TEST(WireReader, WalksEveryWireType) {
  const std::string message("\x08\x96\x01\x12\x03one\x19\1\2\3\4\5\6\7\x08\x25\1\2\3\4", 22);
  WireReader reader(Bytes(message));
  auto record = reader.Next();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->field, 1u);
  EXPECT_EQ(record->number, 150u);
  record = reader.Next();
  ASSERT_TRUE(record.has_value());
  EXPECT_TRUE(record->has_bytes);
  EXPECT_EQ(record->bytes, "one");
  record = reader.Next();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->field, 3u);
  record = reader.Next();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->field, 4u);
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_TRUE(reader.ok());
}

TEST(WireReader, StopsAtTheFirstMalformedField) {
  for (const std::string& bad :
       {std::string("\x08"), std::string("\x08\x80"), std::string("\x12\x05xy"),
        std::string("\x19\x01"), std::string("\x25\x01"), std::string("\x0b"),
        std::string("\0\1", 2), std::string(11, '\xff')}) {
    WireReader reader(Bytes(bad));
    EXPECT_FALSE(reader.Next().has_value());
    EXPECT_FALSE(reader.ok());
  }
}

TEST(WireReader, CountsVarints) {
  EXPECT_EQ(CountVarints(""), 0u);
  EXPECT_EQ(CountVarints(Bytes("\x01\x80\x01\x7f")), 3u);
  EXPECT_EQ(CountVarints(Bytes("\x01\x80")), std::nullopt);
  EXPECT_EQ(CountVarints(Bytes(std::string(10, '\x80') + '\1')), std::nullopt);
}

TEST(WireReader, UndoesZigzag) {
  EXPECT_EQ(UnZigzag(0), 0u);
  EXPECT_EQ(UnZigzag(1), UINT64_MAX);
  EXPECT_EQ(UnZigzag(2), 1u);
  EXPECT_EQ(UnZigzag(UINT64_MAX), uint64_t{1} << 63);
}

}  // namespace
}  // namespace tcpfleet::sockets
