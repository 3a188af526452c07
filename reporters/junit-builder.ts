import junitReportBuilder, { type Builder, type TestCase } from 'junit-report-builder';

/** An element of the document that junit-report-builder writes (`XMLElement` of the package xmlbuilder). */
export type XmlElement = ReturnType<TestCase['build']>;

/** Anything of junit-report-builder that becomes an element. */
interface Buildable {
  build(parent: XmlElement): XmlElement;
}

/** A new, empty JUnit document. */
export function newJunitBuilder(): Builder {
  return junitReportBuilder.newBuilder();
}

/**
 * Adds to the element that `node` becomes what junit-report-builder has no method for: attributes such as `hostname`,
 * the reason of a skipped case, a suite's output. `extend` runs once the library has finished the element.
 */
export function onBuild(node: Buildable, extend: (element: XmlElement) => void): void {
  const build = node.build.bind(node);
  node.build = (parent) => {
    const element = build(parent);
    extend(element);
    return element;
  };
}

/**
 * Appends `<name>text</name>` to `parent`, or puts the text into the element of that name where the library has made it.
 * Escaped text, never CDATA: the library's writer splits only the first `]]>` of a CDATA section.
 */
export function putText(parent: XmlElement, name: string, text: string, attributes: Record<string, string> = {}): void {
  const made = parent.children.find((child): child is XmlElement => 'name' in child && child.name === name);
  (made ?? parent.ele(name)).att(attributes).txt(text);
}
