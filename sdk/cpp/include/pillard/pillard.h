#pragma once
// All that a plugin needs.
#include "pillard/config.h"
#include "pillard/context.h"
#include "pillard/fields.h"
#include "pillard/function.h"
#include "pillard/handle.h"
#include "pillard/json.h"
#include "pillard/node.h"
#include "pillard/plugin.h"
#include "pillard/problem.h"
#include "pillard/registrar.h"
#include "pillard/unit.h"
#include "pillard/version.h"
