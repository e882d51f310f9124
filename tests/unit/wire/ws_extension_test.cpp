#include "wire/ws_extension.h"

#include <gtest/gtest.h>

namespace pillard::wire {
namespace {

constexpr WsDeflatePolicy kAnything{.context_takeover = true};

/// What is answered to one field: "none", "400" or the answer's value.
std::string answer(const std::vector<std::string>& fields, const WsDeflatePolicy& policy = kAnything) {
  HttpRequest request;
  for (const auto& field : fields) request.headers.emplace_back("sec-websocket-extensions", field);
  const auto outcome = negotiate_ws_deflate(request, policy);
  if (const auto* error = std::get_if<HttpError>(&outcome)) return std::to_string(error->status);
  const auto& agreed = std::get<std::optional<WsDeflate>>(outcome);
  return agreed ? ws_deflate_answer(*agreed) : "none";
}

TEST(WsExtensions, ReadsNamesParametersAndQuotes) {
  const auto read = read_ws_extensions(" foo ;a ; b = c;d=\"e\\f\" , ,\tbar;baz=\"15\",");
  ASSERT_TRUE(read);
  const std::vector<WsExtension> expected{{.name = "foo", .parameters = {{"a", std::nullopt}, {"b", "c"}, {"d", "ef"}}},
                                          {.name = "bar", .parameters = {{"baz", "15"}}}};
  EXPECT_EQ(*read, expected);
}

TEST(WsExtensions, RefusesWhatIsNotOfTheGrammar) {
  for (const char* text : {"",          " ",           ",",        ";",           "a;",         "a;;b",
                           "a b",       "a;b=",        "a;=b",     "a;b==c",      "a;b=\"",     "a;b=\"c",
                           "a;b=\"c\\", "a;b=\"c\\\"", "a;b=\"\"", "a;b=\"c d\"", "a;b=\"c\"d", "a=b",
                           "a/b",       "\"a\"",       "a;b c",    "a;b=c d",     "a,b c",      "a;\"b\""}) {
    EXPECT_FALSE(read_ws_extensions(text)) << text;
    EXPECT_EQ(answer({text}), "400") << text;
  }
}

TEST(WsDeflateOffer, IsAcceptedAsItIsMade) {
  const std::pair<const char*, const char*> cases[] = {
      {"permessage-deflate", "permessage-deflate"},
      {"Permessage-DEFLATE", "permessage-deflate"},
      {"permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"},
      {"permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"},
      {"permessage-deflate; Server_No_Context_Takeover", "permessage-deflate; server_no_context_takeover"},
      {"permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=8"},
      {"permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9"},
      {"permessage-deflate; server_max_window_bits=\"10\"", "permessage-deflate; server_max_window_bits=10"},
      {"permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15"},
      {"permessage-deflate; client_max_window_bits", "permessage-deflate"},
      {"permessage-deflate; client_max_window_bits=15", "permessage-deflate"},
      {"permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=8"},
      {"permessage-deflate; client_max_window_bits=14; server_max_window_bits=13; client_no_context_takeover; "
       "server_no_context_takeover",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=13; "
       "client_max_window_bits=14"}};
  for (const auto& [offer, expected] : cases) EXPECT_EQ(answer({offer}), expected) << offer;
}

TEST(WsDeflateOffer, IsDeclinedWhenItIsWrong) {
  for (const char* offer : {"permessage-deflate; server_max_window_bits",
                            "permessage-deflate; server_max_window_bits=7",
                            "permessage-deflate; server_max_window_bits=16",
                            "permessage-deflate; server_max_window_bits=08",
                            "permessage-deflate; server_max_window_bits=+9",
                            "permessage-deflate; server_max_window_bits=1",
                            "permessage-deflate; server_max_window_bits=150",
                            "permessage-deflate; client_max_window_bits=7",
                            "permessage-deflate; client_max_window_bits=16",
                            "permessage-deflate; client_max_window_bits=x",
                            "permessage-deflate; server_no_context_takeover=1",
                            "permessage-deflate; client_no_context_takeover=true",
                            "permessage-deflate; unknown",
                            "permessage-deflate; unknown=1",
                            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                            "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
                            "permessage-deflate; client_max_window_bits; Client_Max_Window_Bits=10",
                            "x-webkit-deflate-frame",
                            "permessage-bzip2",
                            "deflate-stream"})
    EXPECT_EQ(answer({offer}), "none") << offer;
}

TEST(WsDeflateOffer, IsTakenInTheOrderOfPreference) {
  EXPECT_EQ(answer({"permessage-deflate; server_max_window_bits=10, permessage-deflate"}),
            "permessage-deflate; server_max_window_bits=10");
  EXPECT_EQ(
      answer({"permessage-deflate; server_max_window_bits=99, foo;bar, permessage-deflate;client_max_window_bits=9"}),
      "permessage-deflate; client_max_window_bits=9");
  EXPECT_EQ(answer({"foo", "permessage-deflate; unknown", "permessage-deflate; server_no_context_takeover"}),
            "permessage-deflate; server_no_context_takeover");
  EXPECT_EQ(answer({"permessage-deflate", "permessage-deflate; broken="}), "400") << "all fields are read";
  EXPECT_EQ(answer({}), "none");
}

TEST(WsDeflateOffer, IsCutToWhatTheServerWants) {
  const WsDeflatePolicy stateless{.context_takeover = false, .window_bits = 12};
  EXPECT_EQ(answer({"permessage-deflate"}, stateless),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12");
  EXPECT_EQ(answer({"permessage-deflate; client_max_window_bits"}, stateless),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; "
            "client_max_window_bits=12");
  EXPECT_EQ(answer({"permessage-deflate; server_max_window_bits=9; client_max_window_bits=10"}, stateless),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; "
            "client_max_window_bits=10");
  EXPECT_EQ(answer({"permessage-deflate; server_max_window_bits=15"}, stateless),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12");
}

}  // namespace
}  // namespace pillard::wire
