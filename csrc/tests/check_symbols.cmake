# Every function or object that OBJECTS define for others to see lives in the namespace of their ISA.
execute_process(COMMAND ${NM} --demangle --extern-only --defined-only ${OBJECTS}
                OUTPUT_VARIABLE symbols RESULT_VARIABLE status)
if(NOT status EQUAL 0 OR symbols STREQUAL "")
  message(FATAL_ERROR "expected the symbols of ${OBJECTS}, got status ${status}; is ${NM} installed?")
endif()
string(REPLACE ";" "," symbols "${symbols}")
string(REGEX REPLACE "\n+" ";" symbols "${symbols}")
# A line that ends in a colon names an object file.
foreach(symbol IN LISTS symbols)
  if(NOT symbol STREQUAL "" AND NOT symbol MATCHES ":$" AND NOT symbol MATCHES "circulant::${ISA}::")
    message(FATAL_ERROR "expected symbols of circulant::${ISA} only, got: ${symbol}; "
                        "move the function into that namespace or make it always inline")
  endif()
endforeach()
