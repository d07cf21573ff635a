# SPDX-License-Identifier: MIT
# Draws curves as SVG, both axes logarithmic. Input: NAME|X|Y, in the order of
# the names and of X. A cost that does not grow is a level line.
function lg(v) { return log(v < 1 ? 1 : v) / log(10) }
function px(v) { return 70 + lg(v) / decades_x * 420 }
function py(v) { return 330 - (lg(v) - low) / (high - low) * 300 }
BEGIN { FS = "|"; low = 99 }
{
    if (!($1 in points)) names[++count] = $1
    points[$1] = points[$1] " " $2 "," $3
    if (lg($2) > decades_x) decades_x = lg($2)
    if (int(lg($3)) < low) low = int(lg($3))
    if (lg($3) > high) high = lg($3)
}
END {
    high = int(high) + 1
    split("#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9", colour, " ")
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"380\" font-family=\"sans-serif\" font-size=\"12\">"
    print "<rect width=\"760\" height=\"380\" fill=\"white\"/>"
    for (e = 0; e <= decades_x + 0.01; e++) {
        x = px(10 ^ e)
        printf "<line x1=\"%g\" y1=\"30\" x2=\"%g\" y2=\"330\" stroke=\"#ddd\"/>", x, x
        printf "<text x=\"%g\" y=\"348\" text-anchor=\"middle\">%d</text>\n", x, 10 ^ e
    }
    for (e = low; e <= high; e++) {
        y = py(10 ^ e)
        printf "<line x1=\"70\" y1=\"%g\" x2=\"490\" y2=\"%g\" stroke=\"#ddd\"/>", y, y
        printf "<text x=\"62\" y=\"%g\" text-anchor=\"end\">%d</text>\n", y + 4, 10 ^ e
    }
    print "<text x=\"280\" y=\"370\" text-anchor=\"middle\">how many there are</text>"
    print "<text x=\"70\" y=\"20\">instructions of one</text>"
    for (i = 1; i <= count; i++) {
        n = split(points[names[i]], pair, " ")
        line = ""
        for (k = 1; k <= n; k++) {
            split(pair[k], v, ",")
            line = line " " px(v[1]) "," py(v[2])
        }
        printf "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\" points=\"%s\"/>", colour[i], line
        printf "<text x=\"505\" y=\"%d\" fill=\"%s\">%s</text>\n", 40 + 20 * i, colour[i], names[i]
    }
    print "</svg>"
}
